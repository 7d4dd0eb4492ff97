"""pcap files: read, written packet by packet, and followed while another process writes them.

They are read here with struct, since dpkt's readers drop the length on the wire and the
resolution of the clock.
"""

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from capture.packet import LARGEST, CaptureError, Packet

SNAP = 262144  # bytes of a packet that are kept, as tcpdump does
HEADER, HEAD = 24, struct.Struct("<IIII")  # bytes of a file's head, and what precedes a packet
CHUNK = 1 << 20  # bytes that are read at a time


def read_pcap(file: BinaryIO, order: str, unit: int) -> Iterator[Packet]:
    """Yield the packets of a pcap file whose magic number, which is read already, said these."""
    header = file.read(20)
    if len(header) < 20:
        raise CaptureError("cut short in its first line: nothing was captured")
    link = struct.unpack_from(order + "I", header, 16)[0] & 0xFFFF
    unpack = struct.Struct(order + "IIII").unpack
    read = file.read
    number = 0
    while head := read(16):
        number += 1
        if len(head) < 16:
            raise CaptureError(f"cut short in packet {number}")
        seconds, fraction, captured, length = unpack(head)
        if captured > LARGEST:
            raise CaptureError(f"damaged at packet {number}")
        data = read(captured)
        if len(data) < captured:
            raise CaptureError(f"cut short in packet {number}")
        yield Packet(number, seconds * 1_000_000_000 + fraction * unit, link, data, length)


class PcapWriter:
    """A pcap file (nanoseconds) that is complete after every packet."""

    def __init__(self, file: BinaryIO, link: int) -> None:
        self.file = file
        self.file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, link))
        self.file.flush()

    def add(self, packet: Packet) -> None:
        """Add a packet."""
        seconds, nano = divmod(packet.time, 1_000_000_000)
        head = struct.pack("<IIII", seconds, nano, len(packet.data), packet.length)
        self.file.write(head + packet.data)
        self.file.flush()


class PcapFollower:
    """The packets of a pcap file as PcapWriter writes it, also those that are still to come."""

    def __init__(self, fd: int = -1) -> None:
        self.fd, self.at, self.number, self.link = fd, HEADER, 0, 0

    def packets(self, enough: Callable[[], bool]) -> Iterator[Packet]:
        """Yield the packets that are complete by now, until it is enough for this time."""
        if self.fd < 0:
            return
        if not self.link:
            head = os.pread(self.fd, HEADER, 0)
            if len(head) < HEADER:
                return
            self.link = int.from_bytes(head[20:24], "little")
        while data := os.pread(self.fd, CHUNK, self.at):
            begin = at = 0
            while at + HEAD.size <= len(data):
                seconds, nano, size, length = HEAD.unpack_from(data, at)
                begin = at + HEAD.size
                if begin + size > len(data):
                    break
                at = begin + size
                self.number += 1
                self.at += HEAD.size + size
                moment = seconds * 1_000_000_000 + nano
                yield Packet(self.number, moment, self.link, data[begin:at], length)
                if enough():
                    return
            if not at:
                return

    def kept(self) -> Iterator[bytes]:
        """Yield the file up to the last packet that was read."""
        at = 0 if self.fd >= 0 else self.at
        while at < self.at and (data := os.pread(self.fd, min(CHUNK, self.at - at), at)):
            at += len(data)
            yield data
