"""REP server: counts requests, each once, however often it comes.

Socket:   REP, binds to tcp://*:5555 (or to the environment's ZMQ_ENDPOINT).
Receives: a request of one frame, JSON: {"id": "a1", "text": "..."}.
Sends:    a reply of one frame, JSON: {"id": "a1", "count": 3}; to the same id the same reply.
Lost:     a request or a reply that is on its way when the client or the server stops; and what
          was answered, when the server stops.
Ctrl-C:   one line, exit 0.
"""

import json
import os

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:5555")  # *: every address of this machine

context = zmq.Context()
socket = context.socket(zmq.REP)
# Up to 1,000 requests of each client wait in memory, so one too large ends its connection.
socket.maxmsgsize = 16384  # bytes
socket.bind(endpoint)
print(f"REP server bound to {endpoint}")

count = 0
answered = {}  # id: the reply to it

try:
    while True:
        request = json.loads(socket.recv())  # REP has taken off the empty frame before the request
        if request["id"] not in answered:  # the work, and only the first time
            count += 1
            answered[request["id"]] = {"id": request["id"], "count": count}
        socket.send_json(answered[request["id"]])
        print(f"Request: {request!r}, count {count}")  # !r: control characters are shown
except KeyboardInterrupt:
    print("\nREP server stopped")
