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

# pickle.loads obeys any order that is hidden in a pickle, even to run a program. So this worker
# loads only what is in this set: the ints from 1 to 60 in each format of pickle (protocol 0 to 5).
JOBS = set()
for seconds in range(1, 61):
    for protocol in range(6):
        JOBS.add(pickle.dumps(seconds, protocol))

context = zmq.Context()
socket = context.socket(zmq.PULL)
# Up to 1,000 messages wait in memory, so one too large ends its connection.
socket.maxmsgsize = 65536  # bytes
socket.tcp_keepalive = 1  # asks a silent dispatcher if it is still there; when: compose/zmq.yml
socket.connect(endpoint)
print(f"{worker} connects to {endpoint}")

try:
    while True:
        frames = socket.recv_multipart()
        if len(frames) > 1 or frames[0] not in JOBS:
            print(f"{worker}: refused what is not one pickled int from 1 to 60")
            continue
        job = pickle.loads(frames[0])
        print(f"{worker}: job of {job} s ", end="", flush=True)  # now, with the dots behind it
        for _ in range(job):
            time.sleep(1)
            print(".", end="", flush=True)
        print(" done")
except KeyboardInterrupt:
    print(f"\n{worker} stopped")
