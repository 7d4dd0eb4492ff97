"""PUB publisher: tells the time and the date, and the time again to who missed it.

Sockets:  PUB, binds to tcp://*:12345 (or to the environment's ZMQ_ENDPOINT); REP, binds to
          tcp://*:5556.
Sends:    every second (or ZMQ_INTERVAL seconds) two messages, each one frame of text in UTF-8
          that begins with its topic: "WAKTU <number> <time>", from 1 on, and "TANGGAL <date>".
Receives: {"from": 5}, and replies with a list of all "WAKTU" messages from number 5 on, in JSON.
Lost:     what is published before a subscriber has joined, but it can be asked for; the list
          when the publisher stops.
Ctrl-C:   one line, exit 0.
"""

import json
import os
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:12345")  # *: every address of this machine
interval = float(os.getenv("ZMQ_INTERVAL", "1"))

context = zmq.Context()
socket = context.socket(zmq.PUB)
socket.maxmsgsize = 1024  # bytes; it receives nothing but topics: a larger one ends its connection
socket.bind(endpoint)
questions = context.socket(zmq.REP)
questions.maxmsgsize = 1024
questions.bind("tcp://*:5556")
print(f"PUB publisher bound to {endpoint}")

told = []  # message number 1 is told[0]

try:
    while True:
        told.append(f"WAKTU {len(told) + 1} {time.asctime()}")
        for message in [told[-1], f"TANGGAL {time.strftime('%Y-%m-%d')}"]:
            socket.send(message.encode())
            print(f"Published: {message!r}")
        if questions.poll(int(interval * 1000)):  # in place of sleep: waits, but for a question
            first = json.loads(questions.recv())["from"]
            questions.send_json(told[first - 1 :])
            print(f"Told again: from {first} to {len(told)}")
except KeyboardInterrupt:
    print("\nPUB publisher stopped")
