"""PUB publisher: tells the time and the date, whether anyone listens or not.

Socket: PUB, binds to tcp://*:12345 (or to ZMQ_ENDPOINT).
Sends:  every second (or ZMQ_INTERVAL seconds) two messages of one frame, UTF-8 text that
        begins with its topic: "WAKTU <time>" and "TANGGAL <date>".
Lost:   what is published while a subscriber is away, not yet joined, or over 1,000 messages
        behind. PUB never waits.
Ctrl-C: one line, exit 0. An endpoint that cannot be bound, or an interval that is not a
        number from 0 to 3600: one line on stderr, exit 1.
"""

import os
import sys
import time

import zmq

endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://*:12345"))[1:-1]  # safe to print

try:
    interval = float(os.environ.get("ZMQ_INTERVAL", "1"))
    if not 0 <= interval <= 3600:
        raise ValueError("not from 0 to 3600")
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        socket.linger = 0  # milliseconds: what could not be sent does not delay the end
        socket.maxmsgsize = 1024  # bytes: a subscriber sends only topics
        socket.bind(endpoint)
        print(f"PUB publisher bound to {endpoint}")
        while True:
            for message in f"WAKTU {time.asctime()}", f"TANGGAL {time.strftime('%Y-%m-%d')}":
                socket.send_string(message)
                print(f"Published: {message}")
            time.sleep(interval)
except KeyboardInterrupt:
    print("\nPUB publisher stopped")
except ValueError as error:
    sys.exit(f"pubzmq.py: ZMQ_INTERVAL is not a number of seconds from 0 to 3600: {error}")
except zmq.ZMQError as error:
    sys.exit(f"pubzmq.py: cannot bind to {endpoint}: {error}")
