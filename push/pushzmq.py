"""PUSH dispatcher: hands out jobs, each to one worker, in turn.

Socket: PUSH, binds to tcp://*:9999 (or to ZMQ_ENDPOINT).
Sends:  every second (or ZMQ_INTERVAL seconds) a job of one frame: a pickled int from 1 to 5,
        the seconds of work. While there is no worker it waits.
Lost:   jobs on their way to a worker, or queued at it, when that worker goes. PUSH does not
        learn of it and gives them to no one else.
Ctrl-C: one line, exit 0. An endpoint that cannot be bound, or an interval that is not a
        number from 0 to 3600: one line on stderr, exit 1.
"""

import os
import pickle
import random
import sys
import time

import zmq

endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://*:9999"))[1:-1]  # safe to print

try:
    interval = float(os.environ.get("ZMQ_INTERVAL", "1"))
    if not 0 <= interval <= 3600:
        raise ValueError("not from 0 to 3600")
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.linger = 0  # milliseconds: what could not be sent does not delay the end
        socket.maxmsgsize = 1024  # bytes: a worker sends nothing but its handshake
        socket.tcp_maxrt = 8000  # milliseconds: then a worker that acknowledges nothing is gone
        socket.bind(endpoint)
        print(f"PUSH dispatcher bound to {endpoint}")
        while True:
            job = random.randint(1, 5)
            if not socket.poll(0, zmq.POLLOUT):
                print("Waiting: no worker takes a job")
            socket.send(pickle.dumps(job))
            print(f"Job of {job} s handed out")
            time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUSH dispatcher stopped")
except ValueError as error:
    sys.exit(f"pushzmq.py: ZMQ_INTERVAL is not a number of seconds from 0 to 3600: {error}")
except zmq.ZMQError as error:
    sys.exit(f"pushzmq.py: cannot bind to {endpoint}: {error}")
