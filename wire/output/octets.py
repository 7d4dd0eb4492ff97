"""The bytes of an event, part by part: flags, size, body, delimiter, name, …

ZMTP 3.0 is RFC 23, 3.1 is RFC 37 ("Framing", "Greeting", "Commands"); 2.0 is RFC 15, and 1.0,
which states the size before the flags, is RFC 13.
"""

import pickletools
from collections.abc import Iterator
from typing import NamedTuple

from safe import text_of
from story.model import Connection, Event
from zmtp.frames import COMMAND, LONG, MORE, Frame, Greeting

SHOWN = 48  # bytes of a part that are shown
ZEROS = 8  # so many zeros at the end of a part are counted, not shown
TEXT = 60  # characters of what a part means


class Octets(NamedTuple):
    """A part of a message as it stood on the wire."""

    part: str  # "flags"
    hex: str  # "01", of a long part its beginning and "…"
    text: str  # the same as text, a dot for what is no printable ASCII
    meaning: str  # "more frames follow"


def octets(connection: Connection, event: Event) -> list[Octets]:
    """Return the bytes of an event in order; nothing for an event of TCP, which carries none.

    Of a run they are those of its first. Long bodies are shortened, and it is said by how much.
    """
    found: list[Octets] = []
    for index, item in enumerate(event.wire):
        if isinstance(item, Greeting):
            found += _greeting(item)
        else:
            role = event.parts[index].role if index < len(event.parts) else "body"
            found += _frame(connection, event, item, role)
    if len(event.parts) > len(event.wire) > 0:
        left_out = len(event.parts) - len(event.wire)
        found.append(Octets("…", "", "", f"{left_out:,} more frames are not shown"))
    return found


def octet(part: str, data: bytes, meaning: str) -> Octets:
    """Return a part, its bytes shortened to what can be looked at."""
    kept = data.rstrip(b"\0")
    zeros = len(data) - len(kept)
    if zeros < ZEROS:
        kept, zeros = data, 0
    more = "…" * (len(kept) > SHOWN)
    shown = kept[:SHOWN]
    text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in shown)
    said = [shown.hex(" ") + more] * bool(shown) + [f"{zeros} × 00"] * bool(zeros)
    return Octets(part, ", ".join(said), text + more, meaning)


def _greeting(item: Greeting) -> Iterator[Octets]:
    raw = item.raw
    if raw:
        yield octet("signature", raw[:10], "how every greeting begins")
    if item.version >= "3":
        yield octet("version", raw[10:12], f"ZMTP {item.version}")
        yield octet("mechanism", raw[12:32], f"{item.mechanism}, padded to 20 bytes")
        server = "a server of CURVE or PLAIN" if item.as_server else "not as server"
        yield octet("as-server", raw[32:33], server)
        yield octet("filler", raw[33:], "31 bytes without a meaning")
    elif item.version == "2.0":
        yield octet("revision", raw[10:11], "ZMTP 2.0")
        yield octet("socket type", raw[11:], item.socket_type or "a number that is none")


def _frame(connection: Connection, event: Event, item: Frame, role: str) -> Iterator[Octets]:
    """Yield flags, size and body of a ZMTP frame."""
    says = "more frames follow" if item.flags & MORE else "the last frame"
    if item.flags & COMMAND:
        says = "a command"
    follow = f"{item.size:,} byte{'s' * (item.size != 1)} follow{'s' * (item.size == 1)}"
    if role == "delimiter":
        follow += ": the empty delimiter"
    if item.old:
        stated = item.size + 1
        size = bytes([stated]) if stated < 255 else b"\xff" + stated.to_bytes(8)
        yield octet("size", size, f"{follow}, and the flags")
        yield octet("flags", bytes([item.flags]), says)
    else:
        if item.flags & LONG:
            says += "; its size has 8 bytes"
        yield octet("flags", bytes([item.flags]), says)
        yield octet("size", item.size.to_bytes(8 if item.flags & LONG else 1), follow)
    if item.missing:
        yield Octets("body", "", "", f"{item.missing:,} of its bytes are not in the capture")
    elif item.size:
        yield from _body(connection, event, item, role)
        if len(item.body) < item.size:
            left_out = item.size - len(item.body)
            yield Octets("…", "", "", f"{left_out:,} more bytes are not shown")


def _body(connection: Connection, event: Event, item: Frame, role: str) -> Iterator[Octets]:
    body = item.body
    if item.flags & COMMAND or event.kind == "encrypted":
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        yield octet("name", body[: 1 + body[0]], f"{len(name)} bytes: {text_of(name, TEXT)}")
        yield from _command(connection, event, name, data)
    elif event.kind in ("subscribe", "cancel"):
        yield octet("filter", body[:1], event.kind)
        if body[1:]:
            yield octet("topic", body[1:], text_of(body[1:], TEXT))
    elif event.kind == "job" and event.value is not None:
        yield from _pickle(body)
    else:
        meaning = text_of(body, TEXT) or "nothing"
        yield octet("identity" if event.kind == "identity" else role, body, meaning)


def _command(connection: Connection, event: Event, name: bytes, data: bytes) -> Iterator[Octets]:
    """Yield what follows the name of a command."""
    if name in (b"READY", b"INITIATE") and connection.mechanism != "CURVE":
        yield from _properties(data)
    elif name in (b"PING", b"PONG"):
        ttl = 2 if name == b"PING" else 0
        if ttl:
            seconds = int.from_bytes(data[:2]) / 10
            yield octet("time to live", data[:2], f"{seconds:g} s, in tenths of a second")
        if data[ttl:]:
            yield octet("context", data[ttl:], text_of(data[ttl:], TEXT))
    elif name in (b"SUBSCRIBE", b"CANCEL"):
        yield octet("topic", data, text_of(data, TEXT) if data else "empty: every topic")
    elif data:
        yield octet("data", data, "encrypted" if event.kind == "encrypted" else "")


def _properties(data: bytes) -> Iterator[Octets]:
    """Yield the metadata of READY: the size of a name, the name, the size of a value, the value."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        size = int.from_bytes(data[end : end + 4])
        name, value = data[at + 1 : end], data[end + 4 : end + 4 + size]
        if len(data) < end + 4 + size:
            yield octet("data", data[at:], "no property that can be read")
            return
        said = text_of(name, TEXT)
        yield octet("property", data[at:end], f"{len(name)} bytes: {said}")
        says = f"{said} is {text_of(value, TEXT)}" if value else f"{said} is empty"
        yield octet("value", data[end : end + 4 + size], f"{size} bytes: {says}")
        at = end + 4 + size


def _pickle(body: bytes) -> Iterator[Octets]:
    """Yield the opcodes of a pickled int; they are read, nothing is unpickled."""
    ops = [(op.name, said, at or 0) for op, said, at in pickletools.genops(body)]
    ends = [at for _, _, at in ops[1:]] + [len(body)]
    for (name, said, at), end in zip(ops, ends, strict=True):
        known = {"PROTO": f"pickle, protocol {said}", "STOP": "the end of the pickle"}
        meaning = known.get(name, "the pickle's size" if name == "FRAME" else f"the int {said}")
        yield octet("body", body[at:end], meaning)
