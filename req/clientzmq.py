"""REQ client: sends a request, waits for its reply of one frame, then sends the next.

Socket: REQ, connects to tcp://zmq-rep:5555 (or to the environment's ZMQ_ENDPOINT).
Sends:  "Hello", then each argument, or without any each line of input: one frame of UTF-8 text.
Lost:   nothing in silence: a request without a reply in 2.5 s is sent again, so the server
        may receive it more than once. After three times: one line on stderr, exit 1.
Ctrl-C: one line, exit 0.
"""

import os
import sys
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-rep:5555")
context = zmq.Context()
context.maxmsgsize = 65536  # bytes, on each socket; a server that sends more is cut off
context.rcvtimeo = 2500  # milliseconds to wait for a reply: after that comes zmq.Again
socket = context.socket(zmq.REQ)
socket.connect(endpoint)


def ask(text: str) -> None:
    global socket
    start = time.perf_counter()
    for attempt in 1, 2, 3:
        socket.send(text.encode(errors="replace"))
        try:
            reply = socket.recv_multipart()[0].decode(errors="replace")
            print(f"Reply: {reply!r} ({(time.perf_counter() - start) * 1000:.2f} ms)")
            return
        except zmq.Again:
            print(f"No reply, attempt {attempt} of 3")
            socket.close(linger=0)  # while it waits for a reply, a REQ socket can send nothing
            socket = context.socket(zmq.REQ)
            socket.connect(endpoint)
    sys.exit(f"clientzmq.py: no reply from {endpoint}: is the server running?")


try:
    for text in ["Hello"] + sys.argv[1:]:
        ask(text)
    if len(sys.argv) == 1:
        while text := input("> " if sys.stdin.isatty() else "").strip():  # an empty line ends it
            ask(text)
except EOFError:  # the end of the input ends it too
    pass
except KeyboardInterrupt:
    print("\nREQ client stopped")
