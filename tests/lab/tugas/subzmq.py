"""SUB subscriber: prints every "WAKTU" message from the first on, however late it comes.

Sockets:  SUB, connects to tcp://zmq-pub:12345 (or to the environment's ZMQ_ENDPOINT); REQ,
          connects to tcp://zmq-pub:5556.
Sends:    a subscription to "WAKTU"; {"from": 5} if 5 and what follows was missed.
Receives: "WAKTU <number> <time>", one frame of text in UTF-8; a list of what was missed, in JSON.
Lost:     nothing, unless the publisher is started anew: then it has forgotten its messages.
Ctrl-C:   one line, exit 0.
"""

import json
import os

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-pub:12345")

context = zmq.Context()
socket = context.socket(zmq.SUB)
# Up to 1,000 messages wait in memory, so one too large ends its connection.
socket.maxmsgsize = 65536  # bytes
socket.tcp_keepalive = 1  # asks a silent publisher if it is still there; when: compose/zmq.yml
socket.subscribe("WAKTU")  # before connect, or what is published between the two would be missed
socket.connect(endpoint)
questions = context.socket(zmq.REQ)
questions.connect("tcp://zmq-pub:5556")
print(f"SUB subscriber to WAKTU connects to {endpoint}")
last = 0  # number of the last message that was shown

try:
    while True:
        # Once this one is there the subscription has arrived, and no later one is missed.
        texts = [socket.recv().decode()]
        if int(texts[0].split()[1]) > last + 1:
            questions.send_json({"from": last + 1})
            texts = json.loads(questions.recv())
        for text in texts:
            number = int(text.split()[1])
            if number > last:  # it may have been in a list before
                print(f"Received: {text!r}")  # !r: control characters are shown, not carried out
                last = number
except KeyboardInterrupt:
    print("\nSUB subscriber stopped")
