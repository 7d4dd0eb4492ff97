"""REP server: answers every request with one reply, then waits for the next request.

Socket:   REP, binds to tcp://*:5555 (or to the environment's ZMQ_ENDPOINT).
Receives: a request of one frame, text in UTF-8. Of several frames only the first is looked at.
Sends:    a reply of one frame: "World" to "Hello", "Received: <text>" to anything else.
Lost:     a request or a reply that is on its way when the client or the server stops.
Ctrl-C:   one line, exit 0.
"""

import os

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:5555")

context = zmq.Context()
socket = context.socket(zmq.REP)
socket.maxmsgsize = 16384  # bytes; a client that sends more is cut off
socket.bind(endpoint)
print(f"REP server bound to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        text = frames[0].decode(errors="replace")
        reply = "World" if text == "Hello" else f"Received: {text}"
        socket.send_string(reply)
        print(f"Request: {text!r}")  # !r shows as an escape what a terminal would obey
except KeyboardInterrupt:
    print("\nREP server stopped")
