"""REQ client: sends a request, waits for its reply, then sends the next.

Socket:   REQ, connects to tcp://zmq-rep:5555 (or to ZMQ_ENDPOINT).
Sends:    one frame of UTF-8 text each: "Hello", then the arguments, or without any the lines
          of the input until an empty one. Receives: a reply of one frame to each.
Lost:     nothing in silence: without a reply in 5 s, or with the connection lost, the request
          goes out on a new socket, 3 times in all (the server may see it twice).
Ctrl-C:   one line, exit 0. No server, or no such endpoint: one line on stderr, exit 1.
"""

import os
import sys
import time
from itertools import chain

import zmq

LIMIT = 65536  # bytes of a reply, which is up to 10 longer than its request
endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-rep:5555"))[1:-1]  # safe to print


def line() -> bytes:
    print("> " * sys.stdin.isatty(), end="", flush=True)
    return sys.stdin.buffer.readline().rstrip(b"\r\n")


def connect() -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    socket = context.socket(zmq.REQ)
    lost = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    socket.connect(endpoint)
    return socket, lost


try:
    with zmq.Context() as context:
        context.linger, context.sndtimeo, context.maxmsgsize = 0, 5000, LIMIT  # ms, ms, bytes
        socket, lost = connect()
        given = map(os.fsencode, sys.argv[1:]) if sys.argv[1:] else iter(line, b"")
        for message in chain([b"Hello"], given):
            if len(message) > LIMIT - 10:
                print(f"Not sent: {len(message)} bytes, at most {LIMIT - 10}", file=sys.stderr)
                continue
            start = time.perf_counter()
            for attempt in 1, 2, 3:
                if attempt > 1 or int(lost.EVENTS) & zmq.POLLIN:
                    socket.close()  # a REQ socket that waits for a reply sends nothing else
                    socket, lost = connect()
                socket.send(message)
                if socket in dict(zmq.zmq_poll([(socket, zmq.POLLIN), (lost, zmq.POLLIN)], 5000)):
                    break
                print(f"No reply, attempt {attempt} of 3")
            else:
                sys.exit(f"clientzmq.py: no reply from {endpoint}: is the server running?")
            reply = b" | ".join(socket.recv_multipart()).decode(errors="backslashreplace")
            escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in reply)
            print(f"Reply: {escaped} ({(time.perf_counter() - start) * 1000:.2f} ms)")
except KeyboardInterrupt:
    print("\nREQ client stopped")
except zmq.ZMQError as error:
    sys.exit(f"clientzmq.py: cannot connect to {endpoint}: {error}")
