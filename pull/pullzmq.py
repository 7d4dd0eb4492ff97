"""PULL worker: takes a job, works on it, then takes the next.

Socket:   PULL, connects to tcp://zmq-push:9999 (or to ZMQ_ENDPOINT).
Receives: jobs of one frame, a pickled int from 1 to 60: seconds to sleep. All else is refused.
Lost:     when this worker ends, its job under way and those queued here: no one gets them.
Ctrl-C:   one line, exit 0. A ZMQ_ENDPOINT that is none: one line on stderr, exit 1.
"""

import os
import platform
import sys
import time
from pickletools import genops

import zmq

AROUND = {"PROTO", "STOP"}  # the opcodes around the one that holds an int
endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-push:9999"))[1:-1]  # safe to print
worker = f"Worker {platform.node()}"


def unpickle(data: bytes) -> int:
    """Return the int in a pickle of nothing else. Its opcodes are read, and none is obeyed."""
    match [(code.name, held) for code, held, _ in genops(data) if code.name not in AROUND]:
        case [("INT" | "BININT1", job)] if type(job) is int and 1 <= job <= 60:  # True is a bool
            return job
    raise ValueError


try:
    with zmq.Context() as context, context.socket(zmq.PULL) as socket:
        socket.maxmsgsize = 65536  # bytes: more than any job, too little to fill memory
        socket.tcp_keepalive = 1  # a peer that is gone without a FIN is noticed in 8 s
        socket.tcp_keepalive_idle, socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = 5, 1, 3
        lost = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        socket.connect(endpoint)
        print(f"{worker} connects to {endpoint}")
        while True:
            if socket not in zmq.select([socket, lost], [], [])[0]:
                lost.recv_multipart()
                socket.disconnect(endpoint)  # ZeroMQ does not return to a peer that sent nonsense
                time.sleep(0.1)  # as long as ZeroMQ waits itself
                socket.connect(endpoint)
                continue
            try:
                (frame,) = socket.recv_multipart()
                job = unpickle(frame)
            except ValueError:
                print(f"{worker}: refused what is not one pickled int from 1 to 60")
                continue
            print(f"{worker}: job of {job} s ", end="", flush=True)
            for _ in range(job):
                time.sleep(1)
                print(".", end="", flush=True)
            print(" done")
except KeyboardInterrupt:
    print(f"\n{worker} stopped")
except zmq.ZMQError as error:
    sys.exit(f"pullzmq.py: cannot connect to {endpoint}: {error}")
