"""PUSH dispatcher: hands out jobs, and hands out again what no worker has confirmed.

Sockets:  PUSH, binds to tcp://*:9999 (or to the environment's ZMQ_ENDPOINT); PULL, binds to
          tcp://*:9998.
Sends:    every second (or ZMQ_INTERVAL seconds) a job of one frame, JSON: {"job": 7, "seconds": 3};
          12 jobs in all, each again if it is not confirmed within 10 s.
Receives: {"job": 7, "worker": "..."} from the worker that has done the job.
Lost:     no job, unless the dispatcher itself stops. A job may be done twice.
Ctrl-C:   one line, exit 0.
"""

import json
import os
import random
import time

import zmq

endpoint = os.getenv("ZMQ_ENDPOINT", "tcp://*:9999")  # *: every address of this machine
interval = float(os.getenv("ZMQ_INTERVAL", "1"))
JOBS = 12
PATIENCE = 10  # seconds; two jobs, the second waiting for the first, take 6 at most

context = zmq.Context()
socket = context.socket(zmq.PUSH)
socket.maxmsgsize = 1024  # bytes; it has nothing to receive: a larger message ends its connection
socket.bind(endpoint)
confirmations = context.socket(zmq.PULL)
confirmations.maxmsgsize = 1024
confirmations.bind("tcp://*:9998")
print(f"PUSH dispatcher bound to {endpoint}, waits for a worker")

last = 0  # number of the last new job
unconfirmed = {}  # number of a job: the job, and when it was handed out


def hand_out(job: dict) -> None:
    socket.send_json(job)  # waits while there is no worker
    unconfirmed[job["job"]] = job, time.monotonic()  # the clock for how long something took
    print(f"Job {job['job']} of {job['seconds']} s handed out")


try:
    while True:
        while confirmations.poll(0):  # 0: does not wait, only looks if something is there
            number = json.loads(confirmations.recv())["job"]
            if unconfirmed.pop(number, None):  # None: it was confirmed before
                print(f"Job {number} confirmed")
                if last == JOBS and not unconfirmed:
                    print("All jobs confirmed")
        for job, since in list(unconfirmed.values()):  # a list of its own: hand_out changes it
            if time.monotonic() - since > PATIENCE:
                hand_out(job)
        if last < JOBS and len(unconfirmed) < 2:  # so that none waits long behind others
            last += 1
            hand_out({"job": last, "seconds": random.randint(1, 3)})
        time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUSH dispatcher stopped")
