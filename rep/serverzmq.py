"""REP server: gives every request one reply, and waits for the next request.

Socket:   REP, binds to tcp://*:5555 (or to ZMQ_ENDPOINT).
Receives: a request of one frame, UTF-8 text of at most 64 KiB.
Sends:    a reply of one frame: "World" to "Hello", "Received: <text>" to anything else.
Lost:     requests and replies that are under way when the server or the client goes;
          a longer request: ZeroMQ closes the connection that brings it.
Ctrl-C:   one line, exit 0. An endpoint that cannot be bound: one line on stderr, exit 1.
"""

import os
import sys

import zmq

LIMIT = 65536  # bytes: more than the lab needs, too little to fill a container's memory
endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://*:5555"))[1:-1]  # safe to print


def printable(data: bytes) -> str:
    """Return a frame as text, with all that a terminal would obey written as an escape."""
    text = data.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


try:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        socket.linger = 0  # milliseconds: what could not be sent does not delay the end
        socket.maxmsgsize = LIMIT
        socket.rcvhwm = socket.sndhwm = 10  # messages: a REQ has one under way, a flood 1,000
        socket.bind(endpoint)
        print(f"REP server bound to {endpoint}")
        while True:
            frames = socket.recv_multipart()
            if len(frames) > 1:
                reply = f"Refused: {len(frames)} frames, expected 1".encode()
                print(reply.decode())
            else:
                reply = b"World" if frames == [b"Hello"] else b"Received: " + frames[0]
                print(f"Request: {printable(frames[0])}")
            socket.send(reply)
except KeyboardInterrupt:
    print("\nREP server stopped")
except zmq.ZMQError as error:
    sys.exit(f"serverzmq.py: cannot bind to {endpoint}: {error}")
