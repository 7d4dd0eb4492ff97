"""REQ client: sends a request, waits for its reply, then sends the next.

Socket:   REQ, connects to tcp://zmq-rep:5555 (or to ZMQ_ENDPOINT).
Sends:    one frame of text in UTF-8 each: "Hello", then its arguments, or else lines of input.
Receives: a reply of one frame to each.
Lost:     nothing in silence: what has no reply in 2.5 s is sent again, 3 times in all, so
          the server may receive it more than once; then one line on stderr, exit 1.
Ctrl-C:   one line, exit 0.
"""

import os
import sys
import time

import zmq

endpoint = os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-rep:5555")
context = zmq.Context()
context.maxmsgsize = 65_536  # bytes, for its sockets
socket = context.socket(zmq.REQ)
socket.connect(endpoint)
prompt = "> " if sys.stdin.isatty() else ""  # on a terminal only


def ask(text: str) -> None:
    global socket
    start = time.perf_counter()
    for attempt in 1, 2, 3:
        socket.send(text.encode(errors="replace"))
        if socket.poll(2500):  # milliseconds
            frames = socket.recv_multipart()
            reply = b" ".join(frames).decode(errors="replace")
            print(f"Reply: {reply!r} ({(time.perf_counter() - start) * 1000:.2f} ms)")
            return
        print(f"No reply, attempt {attempt} of 3")
        socket.close(linger=0)  # while it waits for a reply, a REQ socket can send nothing
        socket = context.socket(zmq.REQ)
        socket.connect(endpoint)
    sys.exit(f"clientzmq.py: no reply from {endpoint}: is the server running?")


try:
    for text in ["Hello"] + sys.argv[1:]:
        ask(text)
    if len(sys.argv) == 1:
        while text := input(prompt).strip():
            ask(text)
except EOFError:  # the end of the input
    pass
except KeyboardInterrupt:
    print("\nREQ client stopped")
