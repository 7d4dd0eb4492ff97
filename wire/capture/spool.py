"""A pcapng file that grows: a recorder writes it, and others follow it while it does.

It is complete after each writing, also on a disk that is full.
"""

import ctypes
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from time import time_ns

from capture.packet import Packet
from capture.pcapng import (
    DROPPED,
    INTERFACE,
    NAME,
    PACKET,
    RECEIVED,
    RESOLUTION,
    SECTION,
    STATISTICS,
    Blocks,
    block,
    option,
    section,
)

SNAP = 262144  # bytes of a packet that are kept, as tcpdump does
HEAD = struct.Struct("<IIIIIII")  # up to the bytes of a packet: Enhanced Packet Block
SIZE = struct.Struct("<I")
PADDING = tuple(bytes(-size % 4) for size in range(4))
CHUNK = 1 << 20  # bytes that are read at a time, more than any block has
PUNCH_HOLE = 3  # with FALLOC_FL_KEEP_SIZE
Taken = tuple[int, bytes | memoryview, int]  # ns since 1970, bytes, length on the wire


class PcapngWriter:
    """Writes packets of interfaces, whose times are nanoseconds since 1970, to a file.

    All may raise OSError; the file ends then with the last packet that there was room for.
    """

    def __init__(self, fd: int) -> None:
        self.fd, self.size, self.packets = fd, 0, 0
        self._interfaces = 0
        self._write(block("<", SECTION, section("<")))

    def interface(self, name: str, link: int) -> None:
        """Begin an interface, of which the packets that follow are."""
        more = option("<", NAME, os.fsencode(name)) + option("<", RESOLUTION, b"\x09") + bytes(4)
        self._write(block("<", INTERFACE, struct.pack("<HHI", link, 0, SNAP) + more))
        self._interfaces += 1

    def add(self, packets: Iterable[Taken]) -> None:
        """Add packets."""
        which, pack, count = self._interfaces - 1, HEAD.pack, 0
        pieces: list[bytes | memoryview] = []
        for time, data, length in packets:
            captured = len(data)
            padding = PADDING[captured & 3]
            size = 32 + captured + len(padding)
            head = pack(PACKET, size, which, time >> 32, time & 0xFFFFFFFF, captured, length)
            pieces += (head, data, padding + SIZE.pack(size))
            count += 1
        self._write(b"".join(pieces))
        self.packets += count

    def statistics(self, time: int, received: int, dropped: int) -> None:
        """End the interface: say how many packets came, and how many of them are not here."""
        self._write(statistics(self._interfaces - 1, time, received, dropped))

    def _write(self, data: bytes) -> None:
        at, view = self.size, memoryview(data)
        try:
            while view:
                written = os.pwrite(self.fd, view, at)
                at, view = at + written, view[written:]
        except OSError:
            os.ftruncate(self.fd, self.size)
            raise
        self.size = at


def statistics(interface: int, time: int, received: int, dropped: int) -> bytes:
    """Return an Interface Statistics Block.

    As other programs do, it says what the kernel dropped as dropped by the interface: Wireshark
    shows that, if there is one such block.
    """
    body = struct.pack("<III", interface, time >> 32, time & 0xFFFFFFFF)
    for code, count in ((RECEIVED, received), (DROPPED, dropped)):
        body += option("<", code, struct.pack("<Q", count))
    return block("<", STATISTICS, body + bytes(4))


class PcapngFollower:
    """The packets of such a file, also those that are still to come.

    `release`: what was read is given up, so that a file in memory does not grow.
    """

    def __init__(self, fd: int = -1, release: bool = False) -> None:
        self.fd, self.release = fd, release
        self.at = self._released = 0  # bytes
        self.blocks = Blocks()
        self.dropped = 0  # by the kernel, as the recorder says it

    @property
    def number(self) -> int:
        """Return how many packets were read."""
        return self.blocks.number

    def packets(self, enough: Callable[[], bool] = lambda: False) -> Iterator[Packet]:
        """Yield the packets that are complete by now, until it is enough for this time."""
        take = self.blocks.take
        while self.fd >= 0 and (data := os.pread(self.fd, CHUNK, self.at)):
            begin, end = 0, len(data)
            while begin + 8 <= end:
                kind, size = struct.unpack_from("<II", data, begin)
                if begin + size > end or not size:
                    break
                packet = take(kind, data[begin + 8 : begin + size - 4])
                begin += size
                self.at += size
                if packet:
                    yield packet
                    if enough():
                        return
            if self.release:
                self._release()
            if not begin:
                return

    def _release(self) -> None:
        """Give up the memory of what was read."""
        size = (self.at - self._released) & -CHUNK
        if size:
            numbers = map(ctypes.c_int64, (self._released, size))
            ctypes.CDLL(None).fallocate(self.fd, PUNCH_HOLE, *numbers)
            self._released += size

    def kept(self) -> Iterator[bytes]:
        """Yield the file up to the last packet that was read, and what is missing in it."""
        at, packets, dropped = 0, self.number, self.dropped - self.blocks.dropped
        while at < self.at and (data := os.pread(self.fd, min(CHUNK, self.at - at), at)):
            at += len(data)
            yield data
        if dropped > 0:
            interface = len(self.blocks.interfaces) - 1
            yield statistics(interface, time_ns(), packets + dropped, dropped)
