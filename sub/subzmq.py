"""SUB subscriber: prints what is published under the topics that it asks for.

Socket:   SUB, connects to tcp://zmq-pub:12345 (or to ZMQ_ENDPOINT).
Sends:    one subscription for each argument, "WAKTU" without any; "" is every topic.
          A topic is a prefix: "WAK" takes "WAKTU" too.
Receives: messages of one frame, UTF-8 text that begins with its topic.
Lost:     what was published before the subscription arrived, and while the publisher or
          the network is away; a message over 64 KiB, with the connection that brings it.
Ctrl-C:   one line, exit 0. A ZMQ_ENDPOINT that is none: one line on stderr, exit 1.
"""

import os
import sys
import time

import zmq

endpoint = ascii(os.environ.get("ZMQ_ENDPOINT", "tcp://zmq-pub:12345"))[1:-1]  # safe to print
topics = sys.argv[1:] or ["WAKTU"]


def printable(data: bytes) -> str:
    """Return a frame as text, with all that a terminal would obey written as an escape."""
    text = data.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


try:
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.maxmsgsize = 65536  # bytes: more than the lab needs, too little to fill memory
        for topic in topics:
            socket.subscribe(os.fsencode(topic))
        socket.tcp_keepalive = 1  # a peer that is gone without a FIN is noticed in 8 s
        socket.tcp_keepalive_idle, socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = 5, 1, 3
        lost = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        socket.connect(endpoint)
        print(f"SUB subscriber to {topics} connects to {endpoint}")
        while True:
            if socket not in zmq.select([socket, lost], [], [])[0]:
                lost.recv_multipart()
                socket.disconnect(endpoint)  # ZeroMQ does not return to a peer that sent nonsense
                time.sleep(0.1)  # as long as ZeroMQ waits itself
                socket.connect(endpoint)
                continue
            frames = socket.recv_multipart()
            if len(frames) > 1:
                print(f"Refused: {len(frames)} frames, expected 1")
            else:
                print(printable(frames[0]))
except KeyboardInterrupt:
    print("\nSUB subscriber stopped")
except zmq.ZMQError as error:
    sys.exit(f"subzmq.py: cannot connect to {endpoint}: {error}")
