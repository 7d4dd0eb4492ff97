"""A capture once more, as pcapng with comments on its packets and names for its addresses.

The packets, their times, lengths and numbers stay as they are, and so does all else that is in a
pcapng file: its blocks are copied as they are read. What is to be said about a packet may come
long after it, and the names come at the end. Until then the blocks, and the comments, are in
temporary files in the folder of what is written, which have no name there and are gone when it is
closed: the memory that this takes does not grow.
"""

import os
import struct
from ipaddress import ip_address
from typing import BinaryIO

from capture.files import temporary
from capture.packet import NotWritten
from capture.pcapng import (
    COMMENT,
    INTERFACE,
    NAMES,
    PACKET,
    SECTION,
    SIMPLE,
    block,
    option,
)

LINES = 20  # of a comment
# Before a block: its byte order, the snap length of the section's first interface, the number of
# its packet, how long it is: 0 where the names belong.
BLOCK = struct.Struct("=cIQI")
# Before a line of a comment: where the line before it of the same packet is, whether it comes
# before those of the other kind, how long it is.
LINE = struct.Struct("=Q?H")
USUAL = 500  # bytes of a line with that
PLACE = 8  # bytes, for each packet: where the last line of its comment is, 0 if it has none


class AnnotatedCopy:
    """A copy that is written once the capture is read. Raises OSError, as all that it does."""

    def __init__(self, folder: str) -> None:
        self._blocks, self._lines, self._index = (temporary(folder) for _ in range(3))
        self._snap, self._named, self._end = -1, False, 1

    def close(self) -> None:
        """Give the temporary files up."""
        for file in self._blocks, self._lines, self._index:
            file.close()

    def take(self, order: str, kind: int, body: bytes, number: int = 0) -> None:
        """Take the next block, in which is the packet of this number, if there is one."""
        if kind == SECTION:  # its length is not known any more
            self._snap, self._named = -1, False
            body = body[:8] + b"\xff" * 8 + body[16:]
        elif kind == INTERFACE and self._snap < 0:
            self._snap = struct.unpack_from(order + "I", body, 4)[0]
        data = block(order, kind, body)
        head = BLOCK.pack(order.encode(), max(0, self._snap), number, len(data))
        if kind not in (SECTION, INTERFACE) and not self._named:
            head = BLOCK.pack(order.encode(), 0, 0, 0) + head
            self._named = True
        try:
            self._blocks.write(head + data)
        except OSError as error:
            raise NotWritten(error.errno, error.strerror) from None

    def comment(self, number: int, line: str, first: bool = False) -> None:
        """Say this about a packet, after what was said before, or before all that is not first."""
        text = line.encode()
        place = os.pread(self._index.fileno(), PLACE, number * PLACE)
        before = int.from_bytes(place, "little")
        self._lines.write(LINE.pack(before, not first, len(text)) + text)
        os.pwrite(self._index.fileno(), self._end.to_bytes(PLACE, "little"), number * PLACE)
        self._end += LINE.size + len(text)

    def write(self, out: BinaryIO, known: dict[str, str]) -> None:
        """Write it all; `known`: IP address -> name."""
        self._lines.flush()
        self._blocks.seek(0)
        self._index.seek(PLACE)  # packets are numbered from 1
        while head := self._blocks.read(BLOCK.size):
            order, snap, number, size = BLOCK.unpack(head)
            data = self._blocks.read(size) if size else _names(order.decode(), known)
            if number and (place := int.from_bytes(self._index.read(PLACE), "little")):
                data = _commented(order.decode(), data, snap, self._said(place))
            out.write(data)

    def _said(self, at: int) -> list[bytes]:
        """Return the lines up to the one at a place."""
        found = []
        while at:
            data = os.pread(self._lines.fileno(), USUAL, at - 1)
            before, later, size = LINE.unpack_from(data)
            if LINE.size + size > len(data):
                data = os.pread(self._lines.fileno(), LINE.size + size, at - 1)
            found.append((later, data[LINE.size : LINE.size + size]))
            at = before
        found.reverse()
        return [text for _, text in sorted(found, key=lambda line: line[0])]


def _names(order: str, known: dict[str, str]) -> bytes:
    """Return a Name Resolution Block: nrb_record_ipv4 is 1, nrb_record_ipv6 is 2.

    `known`: IP address -> name. Empty if there are none.
    """
    if not known:
        return b""
    records = b""
    for address, name in known.items():
        packed = ip_address(address).packed
        records += option(order, 1 if len(packed) == 4 else 2, packed + name.encode() + b"\0")
    return block(order, NAMES, records + bytes(4))


def _comment(order: str, lines: list[bytes]) -> bytes:
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"and {len(lines) - LINES + 1:,} more".encode()]
    return option(order, COMMENT, b"; ".join(lines))


def _commented(order: str, data: bytes, snap: int, lines: list[bytes]) -> bytes:
    """Return the block of a packet with a comment before its other options."""
    kind, body = struct.unpack_from(order + "I", data)[0], data[8:-4]
    if kind == SIMPLE:  # has neither options nor a time
        length = struct.unpack_from(order + "I", body)[0]
        captured = min(length, snap or length)
        kind, body = PACKET, struct.pack(order + "IIIII", 0, 0, 0, captured, length) + body[4:]
    end = 20 + struct.unpack_from(order + "I", body, 12)[0]
    end += -end % 4
    added = _comment(order, lines)
    if added in body[end:]:  # annotated before
        return data
    return block(order, kind, body[:end] + added + (body[end:] or bytes(4)))
