"""A capture once more, as pcapng with a comment on every packet that carries ZMTP.

The packets, their times, lengths and numbers stay as they are. The blocks are those of the
pcapng specification (draft-ietf-opsawg-pcapng): "Section Header Block", "Interface Description
Block", "Enhanced Packet Block", "Name Resolution Block" and "Options". They are written here,
since dpkt's writer rounds times, knows one interface and has no name resolution. A pcapng
capture is copied block by block, so that all else that is in it is kept.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import BinaryIO

from capture.files import packets, plain
from capture.packet import LARGEST, CaptureError, Packet
from output.hosts import hosts, shorten
from output.language import speaking
from output.words import direction, label
from story.model import Connection, Event
from story.story import Story

SECTION, INTERFACE, OBSOLETE, SIMPLE, NAMES, PACKET = 0x0A0D0D0A, 1, 2, 3, 4, 6
COMMENT, TSRESOL = 1, 9  # options
TEXT, LINE, LINES = 100, 500, 20  # characters of a text and of a line, lines of a comment

Notes = dict[int, list[bytes]]  # number number -> lines of its comment, UTF-8


def write_pcapng(path: str, ports: dict[int, tuple[str, str]], out: BinaryIO) -> None:
    """Copy the capture at `path` to `out` with comments, and with names for the addresses.

    `ports` are the hints that Story takes. The capture is read twice; of each comment only its
    bytes are kept meanwhile. Of a capture that is damaged or cut short, what comes before that
    is copied. Raises OSError, and CaptureError if it is no capture at all.
    """
    notes: Notes = {}
    with open(path, "rb") as raw, plain(raw) as file, speaking("en"):
        connections = read(packets(file), ports, notes)
        file.seek(0)
        blocks = _pcapng if file.read(4) == b"\x0a\x0d\x0d\x0a" else _pcap
        file.seek(0)
        with suppress(CaptureError):  # gzip data that are damaged
            out.writelines(blocks(file, notes, hosts(connections)))


def read(
    source: Iterator[Packet], ports: dict[int, tuple[str, str]], notes: Notes
) -> list[Connection]:
    """Gather number number -> what that packet carries, and return the connections."""
    story = Story(ports=ports, keep=False)
    first: list[tuple[Connection, Event]] = []  # before the socket types are known
    with suppress(CaptureError):
        for packet in source:
            for connection, event in story.feed(packet):
                if event.kind in ("greeting", "hello", "welcome", "initiate", "ready"):
                    first.append((connection, event))
                else:
                    note(notes, connection, event)
    for connection, event in story.end():
        note(notes, connection, event)
    for connection, event in reversed(first):
        note(notes, connection, event, 0)
    return story.connections


def note(notes: Notes, connection: Connection, event: Event, at: int | None = None) -> None:
    """Add what an event says to the notes of its packets, last or at a place."""
    if event.layer != "ZMTP":
        return
    said = [(event.packet, label(connection, shorten(event, TEXT))[:LINE])]
    for number, what in _earlier(event):
        said.append((number, f"{direction(connection, event)} {what} packet {event.packet}"))
    for number, line in said:
        lines = notes.setdefault(number, [])
        lines.insert(len(lines) if at is None else at, line.encode())


def _earlier(event: Event) -> Iterator[tuple[int, str]]:
    """Yield the packets before the last that an event needed, and what is in them."""
    for part in event.parts:
        if part.packet != event.packet:
            yield part.packet, f"{part.role} of a {event.kind} that ends in"
    if event.first_packet != event.packet and event.first_packet not in {
        part.packet for part in event.parts
    }:
        yield event.first_packet, f"{event.kind} begins, it ends in"


def _block(order: str, kind: int, body: bytes) -> bytes:
    """Return a block, see "General Block Structure"."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def _option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def _comment(order: str, lines: list[bytes]) -> bytes:
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"and {len(lines) - LINES + 1:,} more".encode()]
    return _option(order, COMMENT, b"; ".join(lines))


def _names(order: str, known: dict[str, str]) -> bytes:
    """Return a Name Resolution Block: nrb_record_ipv4 is 1, nrb_record_ipv6 is 2."""
    if not known:
        return b""
    records = b""
    for address, name in known.items():
        packed = ip_address(address).packed
        records += _option(order, 1 if len(packed) == 4 else 2, packed + name.encode() + b"\0")
    return _block(order, NAMES, records + bytes(4))


def _pcap(file: BinaryIO, notes: Notes, known: dict[str, str]) -> Iterator[bytes]:
    """Yield the blocks for a pcap file: one section with one interface."""
    header = file.read(24)
    order = "<" if header[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if len(header) < 24:
        return
    magic, snap, link = struct.unpack(order + "I12xII", header)
    units = 1_000_000_000 if magic == 0xA1B23C4D else 1_000_000
    resolution = _option(order, TSRESOL, bytes([9])) + bytes(4) if units > 1_000_000 else b""
    yield _block(order, SECTION, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    yield _block(order, INTERFACE, struct.pack(order + "HHI", link & 0xFFFF, 0, snap) + resolution)
    yield _names(order, known)
    number = 0
    while len(head := file.read(16)) == 16:
        seconds, fraction, captured, length = struct.unpack(order + "IIII", head)
        if captured > LARGEST or len(data := file.read(captured)) < captured:
            return
        number += 1
        high, low = divmod(seconds * units + fraction, 1 << 32)
        body = struct.pack(order + "IIIII", 0, high, low, captured, length) + data
        if number in notes:
            body += bytes(-captured % 4) + _comment(order, notes[number]) + bytes(4)
        yield _block(order, PACKET, body)


def _pcapng(file: BinaryIO, notes: Notes, known: dict[str, str]) -> Iterator[bytes]:
    """Yield the blocks of a pcapng file, those of packets with a comment added."""
    order, number, snap, named = "<", 0, -1, False
    while len(head := file.read(8)) == 8:
        if section := head[:4] == b"\x0a\x0d\x0d\x0a":
            magic = file.read(4)
            order = ">" if magic == b"\x1a\x2b\x3c\x4d" else "<"
            snap, named = -1, False
        kind, size = struct.unpack(order + "II", head)
        rest = size - (16 if section else 12)
        if not 12 * section <= rest <= LARGEST or size % 4:
            return
        body = file.read(rest)
        if len(body) < rest or len(file.read(4)) < 4:
            return
        if section:  # its length is not known any more
            yield _block(order, kind, magic + body[:4] + b"\xff" * 8 + body[12:])
            continue
        if kind == INTERFACE and snap < 0 and rest >= 8:
            snap = struct.unpack_from(order + "I", body, 4)[0]
        elif kind != INTERFACE and not named:
            yield _names(order, known)
            named = True
        if kind in (OBSOLETE, SIMPLE, PACKET):
            number += 1
            if number in notes:
                kind, body = _commented(order, kind, body, snap, notes[number])
        yield _block(order, kind, body)


def _commented(
    order: str, kind: int, body: bytes, snap: int, lines: list[bytes]
) -> tuple[int, bytes]:
    """Return type and body of a packet's block with a comment before its other options."""
    if kind == SIMPLE:  # has neither options nor a time
        length = struct.unpack_from(order + "I", body)[0]
        captured = min(length, snap or length)
        kind, body = PACKET, struct.pack(order + "IIIII", 0, 0, 0, captured, length) + body[4:]
    end = 20 + struct.unpack_from(order + "I", body, 12)[0]
    end += -end % 4
    added = _comment(order, lines)
    if added in body[end:]:  # annotated before
        return kind, body
    return kind, body[:end] + added + (body[end:] or bytes(4))
