"""Captures to read: of the lab's own scripts, and made up ones of any size."""

import os
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import LAB, BenchError, ctrl_c, down, interval, run, typed, up, wait_for
from benchmarks.pipeline import handed_out


def of_the_lab(path: Path, lines: int) -> int:
    """Capture so many requests, and some topics and jobs; return how many packets that made."""
    with interval(0.01):
        up()
    bridge = os.environ.get("ZMQ_BRIDGE") or "br-zmq"
    tcpdump = ["sudo", "tcpdump", "-nU", "-B", "65536", "-i", bridge, "-w", str(path)]
    dump = subprocess.Popen(tcpdump, stderr=subprocess.PIPE, text=True)
    assert dump.stderr
    dump.stderr.readline()  # "listening on"
    text = "".join(f"message {number}\n" for number in range(lines))
    run(*LAB, "exec", "-T", "zmq-req", "python", "clientzmq.py", text=text)
    subscriber = typed(*LAB, "exec", "zmq-sub", "python", "subzmq.py", "")
    for _ in range(200):
        subscriber.expect("Received: ")
    ctrl_c(subscriber)
    worker = typed(*LAB, "exec", "zmq-pull", "python", "pullzmq.py")
    wait_for(lambda: len(handed_out()) >= 100, "a hundred jobs")
    ctrl_c(worker)
    down()  # takes the bridge away, which ends tcpdump
    said = dump.stderr.read()
    dump.wait()
    captured, dropped = (
        int(re.findall(rf"(\d+) packets {what}", said)[0])
        for what in ("captured", "dropped by kernel")
    )
    if dropped:
        raise BenchError(f"tcpdump lost {dropped} packets: the capture is not whole")
    return captured


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
READY = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03"
SEGMENT = 60_000  # bytes of a packet at most


def made_up(path: Path, connections: int, requests: int, size: int = 5) -> None:
    """Write a capture of connections from REQ to REP, in each so many requests of this size."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        number = 0
        for client in range(connections):
            for packet in connection(client, requests, size):
                head = (number // 10**6, number % 10**6, len(packet), len(packet))
                file.write(struct.pack("<IIII", *head) + packet)
                number += 1


def connection(client: int, requests: int, size: int) -> Iterator[bytes]:
    """Yield the packets of one connection, as Ethernet has them."""
    ends = struct.pack("!I", 0x0A000000 + client), bytes((10, 255, 0, 1))
    ports, following = (40000, 5555), [1, 1]
    for who, flags, data in turns(requests, size):
        ack = following[1 - who] if flags & 16 else 0
        ip = struct.pack("!HHHHBBH", 0x4500, 40 + len(data), 0, 0, 64, 6, 0)
        ip += ends[who] + ends[1 - who]
        tcp = struct.pack(
            *("!HHIIHHHH", ports[who], ports[1 - who], following[who], ack),
            *(0x5000 + flags, 500, 0, 0),
        )
        yield bytes(12) + b"\x08\0" + ip + tcp + data
        counted = len(data) + bool(flags & 3)  # SYN and FIN count as a byte
        following[who] = (following[who] + counted) % 2**32


def turns(requests: int, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield who speaks (0 is REQ), the flags of TCP, and the bytes."""
    yield from [(0, 2, b""), (1, 18, b""), (0, 16, b"")]
    yield from [(0, 24, GREETING), (1, 24, GREETING)]
    yield from [(0, 24, READY + b"REQ"), (1, 24, READY + b"REP")]
    for _ in range(requests):
        yield 0, 24, b"\1\0\2" + size.to_bytes(8)
        for at in range(0, size, SEGMENT):
            yield 0, 24, b"x" * min(SEGMENT, size - at)
        yield 1, 24, b"\1\0\0\5World"
    yield from [(0, 17, b""), (1, 17, b""), (0, 16, b"")]
