"""PULL worker: takes a job, works on it, confirms it, then takes the next.

Sockets:  PULL, connects to tcp://zmq-push:9999 (or to the environment's ZMQ_ENDPOINT); PUSH,
          connects to tcp://zmq-push:9998.
Receives: jobs of one frame, JSON: {"job": 7, "seconds": 3}.
Sends:    {"job": 7, "worker": "..."} when that job is done.
Lost:     when this worker stops, its job under way and those queued here; they are not confirmed,
          so the dispatcher hands them out again.
Ctrl-C:   one line, exit 0.
"""

import json
import os
import platform
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://zmq-push:9999")
worker = f"Worker {platform.node()}"  # the name of this machine, or of the container

context = zmq.Context()
socket = context.socket(zmq.PULL)
# Up to 1,000 messages wait in memory, so one too large ends its connection.
socket.maxmsgsize = 65536  # bytes
socket.tcp_keepalive = 1  # asks a silent dispatcher if it is still there; when: compose/zmq.yml
socket.connect(endpoint)
confirmations = context.socket(zmq.PUSH)
confirmations.connect("tcp://zmq-push:9998")
print(f"{worker} connects to {endpoint}")

try:
    while True:
        job = json.loads(socket.recv())
        print(f"{worker}: job {job['job']} of {job['seconds']} s ", end="", flush=True)
        for _ in range(job["seconds"]):
            time.sleep(1)
            print(".", end="", flush=True)
        # Only now: what is confirmed is never handed out again, even if this worker dies.
        confirmations.send_json({"job": job["job"], "worker": platform.node()})
        print(" done")
except KeyboardInterrupt:
    print(f"\n{worker} stopped")
