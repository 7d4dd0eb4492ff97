"""SUB subscriber: prints what is published under the topics that it asks for.

Socket:   SUB, connects to tcp://zmq-pub:12345 (or to the environment's ZMQ_ENDPOINT).
Sends:    a subscription to each argument, or without any to "WAKTU"; "" is every topic.
Receives: messages of one frame, text in UTF-8 that begins with its topic. Of several frames
          only the first is looked at.
Lost:     what was published before the subscription arrived, or while the connection was broken.
Ctrl-C:   one line, exit 0.
"""

import os
import sys

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-pub:12345")
topics = sys.argv[1:] or ["WAKTU"]

context = zmq.Context()
socket = context.socket(zmq.SUB)
socket.maxmsgsize = 65536  # bytes; a publisher that sends more is cut off
socket.tcp_keepalive = 1  # notices that the publisher's machine is gone; times in zmq.yml
for topic in topics:
    socket.subscribe(topic)
socket.connect(endpoint)
print(f"SUB subscriber to {topics} connects to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        text = frames[0].decode(errors="replace")
        print(f"Received: {text!r}")  # !r shows as an escape what a terminal would obey
except KeyboardInterrupt:
    print("\nSUB subscriber stopped")
