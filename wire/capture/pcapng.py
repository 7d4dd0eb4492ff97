"""pcapng files (draft-ietf-opsawg-pcapng): their blocks, read and written.

They are read here with struct, since dpkt's reader drops the length on the wire, the interface
and the resolution of its clock, and since its writer rounds times and knows one interface.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from capture.packet import LARGEST, CaptureError, Packet

if TYPE_CHECKING:
    from capture.annotated import AnnotatedCopy

SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
MAGIC = b"\x0a\x0d\x0d\x0a"  # of a section, in either byte order
COMMENT, NAME, RECEIVED, DROPPED, RESOLUTION, SYSTEM_DROPPED, OFFSET = 1, 2, 4, 5, 9, 7, 14
INTERFACES, OPTIONS = 1 << 16, 1000  # of a section, and of a block: more are damage


class Interface:
    """An interface of a section: its link type, and how its clock counts."""

    __slots__ = ("dropped", "link", "offset", "snap", "units")

    def __init__(self, order: str, body: bytes) -> None:
        self.link, _, self.snap = struct.unpack_from(order + "HHI", body)
        self.units, self.offset, self.dropped = 1_000_000, 0, 0  # units a second, seconds
        for code, value in options(order, body, 8):
            if code == RESOLUTION and value:
                units = value[0]
                self.units = 2 ** (units & 127) if units & 128 else 10**units
            elif code == OFFSET and len(value) == 8:
                self.offset = struct.unpack(order + "q", value)[0]


class Blocks:
    """Blocks of a file, taken one by one in its order, which become packets."""

    def __init__(self) -> None:
        self.order, self.number = "<", 0
        self.interfaces: list[Interface] = []  # of this section
        self._before = 0  # packets that were dropped in earlier sections

    @property
    def dropped(self) -> int:
        """Return how many packets whoever captured says to have lost."""
        return self._before + sum(interface.dropped for interface in self.interfaces)

    def section(self, magic: bytes) -> None:
        """Begin a section, whose byte order its magic number tells."""
        self.order = ">" if magic == b"\x1a\x2b\x3c\x4d" else "<"
        self._before, self.interfaces = self.dropped, []

    def take(self, kind: int, body: bytes) -> Packet | None:
        """Return the packet in a block, whose body is without the lengths around it.

        Raises struct.error, IndexError or ValueError if it is damaged.
        """
        order = self.order
        if kind == PACKET:
            which, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
        elif kind == OBSOLETE:  # the interface and a count of drops
            which, _, high, low, captured, length = struct.unpack_from(order + "HHIIII", body)
        elif kind == SIMPLE:  # of the first interface, without a time
            link, snap = self.interfaces[0].link, self.interfaces[0].snap
            length = struct.unpack_from(order + "I", body)[0]
            captured = min(length, snap or length)
            if captured > len(body) - 4:
                raise ValueError
            self.number += 1
            return Packet(self.number, 0, link, body[4 : 4 + captured], length)
        else:
            self._other(kind, body)
            return None
        interface = self.interfaces[which]
        if captured > len(body) - 20:
            raise ValueError
        self.number += 1
        time = (high << 32 | low) * 1_000_000_000 // interface.units
        time += interface.offset * 1_000_000_000
        return Packet(self.number, time, interface.link, body[20 : 20 + captured], length)

    def _other(self, kind: int, body: bytes) -> None:
        if kind == INTERFACE:
            if len(self.interfaces) >= INTERFACES:
                raise CaptureError(
                    "damaged: it has more than {most} interfaces", most=format(INTERFACES, ",")
                )
            self.interfaces.append(Interface(self.order, body))
        elif kind == STATISTICS:  # counted from the beginning of the capture: the last ones count
            which = struct.unpack_from(self.order + "I", body)[0]
            if which < len(self.interfaces):
                self.interfaces[which].dropped = sum(
                    struct.unpack(self.order + "Q", value)[0]
                    for code, value in options(self.order, body, 12)
                    if code in (DROPPED, SYSTEM_DROPPED) and len(value) == 8
                )


class PcapngReader:
    """The packets of a pcapng file, whose magic number is read already.

    `copy` is given each block as it is read. `dropped`: how many packets whoever captured says to
    have lost, as far as it is read.
    """

    def __init__(self, file: BinaryIO, copy: "AnnotatedCopy | None" = None) -> None:
        self.file, self.copy, self.blocks = file, copy, Blocks()

    @property
    def dropped(self) -> int:
        return self.blocks.dropped

    def __iter__(self) -> Iterator[Packet]:
        """Yield the packets; raises CaptureError after those that could be read."""
        read, blocks, copy = self.file.read, self.blocks, self.copy
        head = MAGIC + read(4)
        while head:
            if len(head) < 8:
                raise CaptureError("cut short after packet {packet}", packet=blocks.number)
            magic = b""
            if head[:4] == MAGIC:
                if len(magic := read(4)) < 4:
                    raise CaptureError("cut short after packet {packet}", packet=blocks.number)
                blocks.section(magic)
            kind, size = struct.unpack(blocks.order + "II", head)
            size -= 8 + len(magic)  # its body, and its length once more
            if not 4 <= size <= LARGEST or size % 4:
                raise CaptureError("damaged after packet {packet}", packet=blocks.number)
            body = read(size)
            if len(body) < size:
                raise CaptureError("cut short after packet {packet}", packet=blocks.number)
            body = body[:-4]
            try:
                packet = blocks.take(kind, body)
                if copy:
                    number = packet.number if packet else 0
                    copy.take(blocks.order, kind, magic + body, number)
            except (struct.error, IndexError, ValueError):
                raise CaptureError("damaged after packet {packet}", packet=blocks.number) from None
            if packet:
                yield packet
            head = read(8)


def options(order: str, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of the options that begin there in a block's body."""
    for _ in range(OPTIONS):
        if at + 4 > len(body):
            return
        code, size = struct.unpack_from(order + "HH", body, at)
        if not code:
            return
        yield code, body[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def option(order: str, code: int, value: bytes) -> bytes:
    """Return an option; four zeros end the options of a block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(order: str, kind: int, body: bytes) -> bytes:
    """Return a block, see "General Block Structure"."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def section(order: str) -> bytes:
    """Return the body of a Section Header Block, of a section whose length is not known."""
    return struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
