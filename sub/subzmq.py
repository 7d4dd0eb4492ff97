"""SUB subscriber: prints what is published under the topics that it asks for.

Socket:   SUB, connects to tcp://zmq-pub:12345 (or to ZMQ_ENDPOINT).
Sends:    a subscription for each argument, to "WAKTU" without any; "" is every topic.
          A topic is a prefix: "WAK" takes "WAKTU" too.
Receives: messages of one frame, text in UTF-8 that begins with its topic.
Lost:     what was published before the subscription arrived, and while the publisher is away.
Ctrl-C:   one line, exit 0.
"""

import os
import sys

import zmq

endpoint = os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-pub:12345")
topics = sys.argv[1:] or ["WAKTU"]

context = zmq.Context()
socket = context.socket(zmq.SUB)
socket.maxmsgsize = 65_536  # bytes
socket.tcp_keepalive = 1  # asks now and then whether the publisher's machine is still there
for topic in topics:
    socket.subscribe(topic)
socket.connect(endpoint)
print(f"SUB subscriber to {topics} connects to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        text = b" ".join(frames).decode(errors="replace")
        print(f"Received: {text!r}")
except KeyboardInterrupt:
    print("\nSUB subscriber stopped")
