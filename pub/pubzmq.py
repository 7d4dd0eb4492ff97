"""PUB publisher: tells the time and the date, whether anyone listens or not.

Socket: PUB, binds to tcp://*:12345 (or to the environment's ZMQ_ENDPOINT).
Sends:  every second (or ZMQ_INTERVAL seconds) two messages, each one frame of text in UTF-8
        that begins with its topic: "WAKTU <time>" and "TANGGAL <date>".
Lost:   what is published before a subscriber has joined, while its connection is broken, or
        while 1,000 messages wait for it (ZeroMQ's high-water mark). PUB never waits.
Ctrl-C: one line, exit 0.
"""

import os
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:12345")  # *: every address of this machine
interval = float(os.getenv("ZMQ_INTERVAL", "1"))

context = zmq.Context()
socket = context.socket(zmq.PUB)
socket.maxmsgsize = 1024  # bytes; subscribers send only topics: a longer one ends its connection
socket.bind(endpoint)
print(f"PUB publisher bound to {endpoint}")

try:
    while True:
        for message in [f"WAKTU {time.asctime()}", f"TANGGAL {time.strftime('%Y-%m-%d')}"]:
            socket.send(message.encode())
            print(f"Published: {message!r}")
        time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUB publisher stopped")
