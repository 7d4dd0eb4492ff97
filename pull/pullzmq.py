"""PULL worker: takes a job, works on it, then takes the next.

Socket:   PULL, connects to tcp://zmq-push:9999 (or to the environment's ZMQ_ENDPOINT).
Receives: jobs of one frame: a pickled int from 1 to 60, the seconds of work. All else is refused.
Lost:     when this worker stops, its job under way and those queued here: no one gets them.
Ctrl-C:   one line, exit 0.
"""

import os
import pickle
import platform
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-push:9999")
worker = f"Worker {platform.node()}"  # the name of this machine, or of the container

# pickle.loads can run a program that is hidden in a message. So this worker loads only what is in
# this set: the ints from 1 to 60, as pickle writes them (in six formats, protocol 0 to 5).
JOBS = set()
for seconds in range(1, 61):
    for protocol in range(6):
        JOBS.add(pickle.dumps(seconds, protocol))

context = zmq.Context()
socket = context.socket(zmq.PULL)
# Up to 1,000 messages wait in memory, which large ones would fill.
socket.maxmsgsize = 65536  # bytes; a larger one ends its connection
socket.tcp_keepalive = 1  # notices a dispatcher that has vanished (how soon: compose/zmq.yml)
socket.connect(endpoint)
print(f"{worker} connects to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        if len(frames) > 1 or frames[0] not in JOBS:
            print(f"{worker}: refused what is not one pickled int from 1 to 60")
            continue
        job = pickle.loads(frames[0])
        print(f"{worker}: job of {job} s ", end="", flush=True)  # flush: show it now
        for _ in range(job):
            time.sleep(1)
            print(".", end="", flush=True)
        print(" done")
except KeyboardInterrupt:
    print(f"\n{worker} stopped")
