"""SUB subscriber: prints what is published under the topics that it asks for.

Socket:   SUB, connects to tcp://zmq-pub:12345 (or to the environment's ZMQ_ENDPOINT).
Sends:    a subscription to each argument, or, without any, to "WAKTU"; "" is every topic.
Receives: one frame of text in UTF-8 that begins with its topic. Further frames are not looked at.
Lost:     what was published before the subscription arrived, or while the connection was broken.
Ctrl-C:   one line, exit 0.
"""

import os
import sys

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-pub:12345")
topics = sys.argv[1:] if len(sys.argv) > 1 else ["WAKTU"]

context = zmq.Context()
socket = context.socket(zmq.SUB)
# Up to 1,000 messages wait in memory, which large ones would fill.
socket.maxmsgsize = 65536  # bytes; a larger one ends its connection
socket.tcp_keepalive = 1  # notices a publisher that has vanished (how soon: compose/zmq.yml)
for topic in topics:  # before connect, or what is published between the two would be missed
    socket.subscribe(topic)
socket.connect(endpoint)
print(f"SUB subscriber to {topics} connects to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        text = frames[0].decode(errors="replace")  # "�" for bytes that are not UTF-8
        print(f"Received: {text!r}")  # !r: control characters are shown, not carried out
except KeyboardInterrupt:
    print("\nSUB subscriber stopped")
