"""PUSH dispatcher: hands out jobs, each to one worker, in turn.

Socket: PUSH, binds to tcp://*:9999 (or to the environment's ZMQ_ENDPOINT).
Sends:  every second (or ZMQ_INTERVAL seconds) a job of one frame: a pickled int from 1 to 5,
        the seconds of work. The dispatcher waits while there is no worker.
Lost:   jobs on their way when either side stops, and those queued at a worker that stops.
        PUSH does not learn of it and gives them to no one else.
Ctrl-C: one line, exit 0.
"""

import os
import pickle
import random
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:9999")  # *: every address of this machine
interval = float(os.getenv("ZMQ_INTERVAL", "1"))

context = zmq.Context()
socket = context.socket(zmq.PUSH)
socket.maxmsgsize = 1024  # bytes; it has nothing to receive: a larger message ends its connection
socket.bind(endpoint)
print(f"PUSH dispatcher bound to {endpoint}, waits for a worker")

try:
    while True:
        job = random.randint(1, 5)
        socket.send(pickle.dumps(job))  # waits while there is no worker
        print(f"Job of {job} s handed out")  # to ZeroMQ: not yet received, let alone done
        time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUSH dispatcher stopped")
