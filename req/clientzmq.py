"""REQ client: sends a request, waits for its reply, then sends the next.

Socket:   REQ, connects to tcp://zmq-rep:5555 (or to ZMQ_ENDPOINT).
Sends:    one frame of UTF-8 text each: "Hello", then the arguments, or without any the lines
          of the input until an empty one. Receives: a reply of one frame to each.
Lost:     nothing in silence: without a reply within 5 s the request goes out on a new socket,
          3 times in all (the server may see it twice), then one line on stderr, exit 1.
Ctrl-C:   one line, exit 0. A ZMQ_ENDPOINT that is none: one line on stderr, exit 1.
"""

import os
import sys
import time
from collections.abc import Iterator

import zmq

LIMIT = 65536  # bytes of a reply, which is up to 10 longer than its request
endpoint = os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-rep:5555")


def messages() -> Iterator[bytes]:
    """Yield "Hello", then the arguments or else the lines of the input."""
    yield b"Hello"
    yield from map(os.fsencode, sys.argv[1:])
    while len(sys.argv) == 1:
        print("> " * sys.stdin.isatty(), end="", flush=True)
        if not (line := sys.stdin.buffer.readline().rstrip(b"\r\n")):
            break
        yield line


try:
    with zmq.Context() as context:
        context.linger = 0  # milliseconds: a request without a server does not delay the end
        context.maxmsgsize = LIMIT
        (socket := context.socket(zmq.REQ)).connect(endpoint)
        for message in messages():
            if len(message) > LIMIT - 10:
                print(f"Not sent: {len(message)} bytes, at most {LIMIT - 10}", file=sys.stderr)
                continue
            start = time.perf_counter()
            for attempt in 1, 2, 3:
                socket.send(message)
                if socket.poll(5000):  # milliseconds
                    break
                print(f"No reply within 5 s, attempt {attempt} of 3")
                socket.close()  # a REQ socket that waits for a reply sends nothing else
                (socket := context.socket(zmq.REQ)).connect(endpoint)
            else:
                sys.exit(f"clientzmq.py: no reply from {endpoint}: is the server running?")
            reply = b" | ".join(socket.recv_multipart()).decode(errors="backslashreplace")
            ms = (time.perf_counter() - start) * 1000
            escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in reply)
            print(f"Reply: {escaped} ({ms:.2f} ms)")
except KeyboardInterrupt:
    print("\nREQ client stopped")
except zmq.ZMQError as error:
    sys.exit(f"clientzmq.py: cannot connect to {endpoint}: {error}")
