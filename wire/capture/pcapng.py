"""pcapng files (draft-ietf-opsawg-pcapng): read block by block.

They are read here with struct, since dpkt's reader drops the length on the wire, the interface
and the resolution of its clock.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from capture.packet import LARGEST, CaptureError, Packet


def read_pcapng(file: BinaryIO) -> Iterator[Packet]:
    """Read blocks; the file's magic number, which begins its first block, is read already."""
    order, number = "<", 0
    interfaces: list[tuple[int, int, int, int]] = []  # link, snap length, units a second, offset
    kind: bytes = b"\x0a\x0d\x0d\x0a"
    while kind:
        start = file.read(8) if kind == b"\x0a\x0d\x0d\x0a" else file.read(4)
        if kind == b"\x0a\x0d\x0d\x0a":  # section header: byte order, interfaces anew
            order = ">" if start[4:] == b"\x1a\x2b\x3c\x4d" else "<"
            interfaces = []
        where = f"after packet {number}"
        if len(start) < 4:
            raise CaptureError(f"cut short {where}")
        size = struct.unpack(order + "I", start[:4])[0] - len(start) - 4
        if not 4 <= size <= LARGEST or size % 4:
            raise CaptureError(f"damaged {where}")
        body = file.read(size)
        if len(body) < size:
            raise CaptureError(f"cut short {where}")
        try:
            block = struct.unpack(order + "I", kind)[0]
            if block == 1:
                interfaces.append(_interface(order, body))
            elif block in (2, 3, 6):
                number += 1
                yield _packet(order, block, body, number, interfaces)
        except (struct.error, IndexError, ValueError):
            raise CaptureError(f"damaged {where}") from None
        kind = file.read(4)
        if kind and len(kind) < 4:
            raise CaptureError(f"cut short after packet {number}")


def _interface(order: str, body: bytes) -> tuple[int, int, int, int]:
    """Return link type, snap length, clock units a second, and the offset in seconds."""
    link, _, snap = struct.unpack_from(order + "HHI", body)
    units, offset, at = 1_000_000, 0, 8
    while at + 4 <= len(body) - 4:  # the last four bytes are the length of the block
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 9 and value:  # if_tsresol
            units = 2 ** (value[0] & 127) if value[0] & 128 else 10 ** value[0]
        elif code == 14 and len(value) == 8:  # if_tsoffset
            offset = struct.unpack(order + "q", value)[0]
        elif code == 0:
            break
        at += 4 + size + -size % 4
    return link, snap, units, offset


def _packet(
    order: str, block: int, body: bytes, number: int, interfaces: list[tuple[int, int, int, int]]
) -> Packet:
    if block == 3:  # simple packet block: of the first interface, without a time
        link, snap, _, _ = interfaces[0]
        length = struct.unpack_from(order + "I", body)[0]
        captured = min(length, snap or length)
        start, time = 4, 0
    else:
        which, high, low, captured, length = struct.unpack_from(order + "IIIII", body)
        if block == 2:  # obsolete packet block: the interface and a count of drops
            which = struct.unpack_from(order + "H", body)[0]
        link, _, units, offset = interfaces[which]
        time = (high << 32 | low) * 1_000_000_000 // units + offset * 1_000_000_000
        start = 20
    if captured > len(body) - start - 4:
        raise ValueError
    return Packet(number, time, link, body[start : start + captured], length)
