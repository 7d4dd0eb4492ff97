"""Delays or loses the packets of iptables' queue 0: what netem does, on kernels without netem.

sudo nsenter -t PID -n python3 tests/bad_network.py SECONDS LOSS
sudo nsenter -t PID -n iptables -A OUTPUT -o eth0 -j NFQUEUE --queue-num 0

Speaks netlink (linux/netfilter/nfnetlink_queue.h): a message of 16 bytes of header, 4 of
netfilter's own, and attributes. Ends when its input does.
"""

import random
import select
import socket
import struct
import sys
import time
from collections import deque

PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302  # kinds of message
DROP, ACCEPT = 0, 1


def message(kind: int, attribute: int, value: bytes) -> bytes:
    body = struct.pack("BBH", 0, 0, 0) + struct.pack("HH", len(value) + 4, attribute) + value
    return struct.pack("IHHII", 16 + len(body), kind, 1, 0, 0) + body


def identifier(data: bytes) -> bytes:
    """Return the four bytes that name a packet: the first attribute of its message."""
    return data[24:28]


delay, loss = float(sys.argv[1]), float(sys.argv[2])
queue = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # 12: NETLINK_NETFILTER
queue.bind((0, 0))
queue.send(message(CONFIG, 1, struct.pack("!BxH", 1, socket.AF_INET)))  # bind to queue 0
queue.send(message(CONFIG, 2, struct.pack("!IBxxx", 0, 1)))  # of a packet only its identifier
print("ready", flush=True)
waiting: deque[tuple[float, bytes]] = deque()
while True:
    timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    ready = select.select([queue, sys.stdin], [], [], timeout)[0]
    if sys.stdin in ready:
        break
    if ready:
        data = queue.recv(65536)
        if struct.unpack_from("H", data, 4)[0] == PACKET:
            waiting.append((time.monotonic() + delay, identifier(data)))
    while waiting and waiting[0][0] <= time.monotonic():
        verdict = DROP if random.random() < loss else ACCEPT
        queue.send(message(VERDICT, 2, struct.pack("!I", verdict) + waiting.popleft()[1]))
