"""REP server: answers every request with one reply, then waits for the next request.

Socket:   REP, binds to tcp://*:5555 (or to the environment's ZMQ_ENDPOINT).
Receives: a request of one frame, text in UTF-8. Further frames are not looked at.
Sends:    a reply of one frame: "World" to "Hello", "Received: <text>" to anything else.
Lost:     a request or a reply that is on its way when the client or the server stops.
Ctrl-C:   one line, exit 0.
"""

import os

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:5555")  # *: every address of this machine

context = zmq.Context()
socket = context.socket(zmq.REP)
# Up to 1,000 requests of each client wait in memory, which large ones would fill.
socket.maxmsgsize = 16384  # bytes; a larger one ends its connection
socket.bind(endpoint)
print(f"REP server bound to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()  # REP has taken off the empty frame before the request
        text = frames[0].decode(errors="replace")  # "�" for bytes that are not UTF-8
        reply = "World" if text == "Hello" else f"Received: {text}"
        socket.send(reply.encode())
        print(f"Request: {text!r}")  # !r: control characters are shown, not carried out
except KeyboardInterrupt:
    print("\nREP server stopped")
