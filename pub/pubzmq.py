"""PUB publisher: tells the time and the date, whether anyone listens or not.

Socket: PUB, binds to tcp://*:12345 (or to ZMQ_ENDPOINT).
Sends:  every second (or ZMQ_INTERVAL seconds) two messages of one frame, text in UTF-8 that
        begins with its topic: "WAKTU <time>" and "TANGGAL <date>".
Lost:   what is published while a subscriber is away, has not yet joined, or is over 1,000
        messages behind. PUB never waits.
Ctrl-C: one line, exit 0.
"""

import os
import time
from datetime import date

import zmq

endpoint = os.environ.get("ZMQ_ENDPOINT", "tcp://*:12345")
interval = float(os.environ.get("ZMQ_INTERVAL", "1"))

context = zmq.Context()
socket = context.socket(zmq.PUB)
socket.maxmsgsize = 1024  # bytes
socket.bind(endpoint)
print(f"PUB publisher bound to {endpoint}")

try:
    while True:
        for message in f"WAKTU {time.asctime()}", f"TANGGAL {date.today()}":
            socket.send_string(message)
            print(f"Published: {message!r}")
        time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUB publisher stopped")
