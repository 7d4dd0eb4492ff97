"""The bytes of an event, part by part: flags, size, body, delimiter, name, …

ZMTP 3.0 is RFC 23, 3.1 is RFC 37 ("Framing", "Greeting", "Commands"); 2.0 is RFC 15, and 1.0,
which states the size before the flags, is RFC 13.
"""

import pickletools
from collections.abc import Iterator
from typing import NamedTuple

from output.language import _, number, plain, spoken
from safe import text_of
from story.model import Connection, Event
from zmtp.frames import COMMAND, LONG, MORE, Frame, Greeting

SHOWN = 48  # bytes of a part that are shown
ZEROS = 8  # so many zeros at the end of a part are counted, not shown
TEXT = 60  # characters of what a part means

ROLES = {
    "body": lambda: _("body"),
    "envelope": lambda: _("envelope"),
    "delimiter": lambda: _("delimiter"),
    "message": lambda: _("message"),
    "command": lambda: _("command"),
}
PICKLE = {
    "PROTO": lambda: _("pickle, protocol {value}"),
    "FRAME": lambda: _("the pickle's size"),
    "STOP": lambda: _("the end of the pickle"),
}


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
        said = _("{count} more frames are not shown").format(count=number(left_out))
        found.append(Octets("…", "", "", said))
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
    """Yield the parts of a greeting, or those of its beginning."""
    raw = item.raw
    parts = [(_("signature"), raw[:10], _("how every greeting begins"))]
    if item.version >= "3":
        server = _("a server of CURVE or PLAIN") if item.as_server else _("not as server")
        padded = _("{name}, padded to 20 bytes").format(name=item.mechanism)
        parts += [
            (_("version"), raw[10:12], f"ZMTP {item.version}"),
            (_("mechanism"), raw[12:32], padded),
            ("as-server", raw[32:33], server),
            (_("filler"), raw[33:], _("31 bytes without a meaning")),
        ]
    elif item.version == "2.0":
        kind = item.socket_type or _("a number that is none")
        parts += [(_("revision"), raw[10:11], "ZMTP 2.0"), (_("socket type"), raw[11:], kind)]
    yield from (octet(*part) for part in parts if part[1])


def _frame(connection: Connection, event: Event, item: Frame, role: str) -> Iterator[Octets]:
    """Yield flags, size and body of a ZMTP frame."""
    says = _("more frames follow") if item.flags & MORE else _("the last frame")
    if item.flags & COMMAND:
        says = _("a command")
    follow = spoken().ngettext("{size} byte follows", "{size} bytes follow", item.size)
    follow = follow.format(size=number(item.size))
    if role == "delimiter":
        follow += _(": the empty delimiter")
    if item.old:
        stated = item.size + 1
        size = bytes([stated]) if stated < 255 else b"\xff" + stated.to_bytes(8)
        yield octet(_("size"), size, follow + _(", and the flags"))
        yield octet(_("flags"), bytes([item.flags]), says)
    else:
        if item.flags & LONG:
            says += _("; its size has 8 bytes")
        yield octet(_("flags"), bytes([item.flags]), says)
        yield octet(_("size"), item.size.to_bytes(8 if item.flags & LONG else 1), follow)
    if item.missing:
        said = _("{count} of its bytes are not in the capture")
        yield Octets(_("body"), "", "", said.format(count=number(item.missing)))
    elif item.size:
        yield from _body(connection, event, item, role)
        if len(item.body) < item.size:
            left_out = item.size - len(item.body)
            said = _("{count} more bytes are not shown").format(count=number(left_out))
            yield Octets("…", "", "", said)


def _body(connection: Connection, event: Event, item: Frame, role: str) -> Iterator[Octets]:
    body = item.body
    if item.flags & COMMAND or event.kind == "encrypted":
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        yield octet(_("name"), body[: 1 + body[0]], _sized(name, text_of(name, TEXT)))
        yield from _command(connection, event, name, data)
    elif event.kind in ("subscribe", "cancel"):
        yield octet(_("filter"), body[:1], event.kind)
        if body[1:]:
            yield octet(_("topic"), body[1:], text_of(body[1:], TEXT))
    elif event.kind == "job" and event.value is not None:
        yield from _pickle(body)
    else:
        meaning = text_of(body, TEXT) or _("nothing")
        yield octet(_("identity") if event.kind == "identity" else ROLES[role](), body, meaning)


def _command(connection: Connection, event: Event, name: bytes, data: bytes) -> Iterator[Octets]:
    """Yield what follows the name of a command."""
    if name in (b"READY", b"INITIATE") and connection.mechanism != "CURVE":
        yield from _properties(data)
    elif name in (b"PING", b"PONG"):
        ttl = 2 if name == b"PING" else 0
        if ttl:
            seconds = int.from_bytes(data[:2]) / 10
            said = _("{seconds} s, in tenths of a second").format(seconds=plain(seconds))
            yield octet(_("time to live"), data[:2], said)
        if data[ttl:]:
            yield octet(_("context"), data[ttl:], text_of(data[ttl:], TEXT))
    elif name in (b"SUBSCRIBE", b"CANCEL"):
        yield octet(_("topic"), data, text_of(data, TEXT) if data else _("empty: every topic"))
    elif name in (b"JOIN", b"LEAVE"):
        yield octet(_("group"), data, text_of(data, TEXT))
    elif data:
        yield octet(_("data"), data, _("encrypted") if event.kind == "encrypted" else "")


def _sized(data: bytes, said: str) -> str:
    return _("{size} bytes: {said}").format(size=len(data), said=said)


def _properties(data: bytes) -> Iterator[Octets]:
    """Yield the metadata of READY: the size of a name, the name, the size of a value, the value."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        size = int.from_bytes(data[end : end + 4])
        name, value = data[at + 1 : end], data[end + 4 : end + 4 + size]
        if len(data) < end + 4 + size:
            yield octet(_("data"), data[at:], _("no property that can be read"))
            return
        said = text_of(name, TEXT)
        yield octet(_("property"), data[at:end], _sized(name, said))
        says = _("{name} is {value}") if value else _("{name} is empty")
        says = says.format(name=said, value=text_of(value, TEXT))
        yield octet(_("value"), data[end : end + 4 + size], _sized(value, says))
        at = end + 4 + size


def _pickle(body: bytes) -> Iterator[Octets]:
    """Yield the opcodes of a pickled int; they are read, nothing is unpickled."""
    ops = [(op.name, said, at or 0) for op, said, at in pickletools.genops(body)]
    ends = [at for _, _, at in ops[1:]] + [len(body)]
    for (name, said, at), end in zip(ops, ends, strict=True):
        meaning = PICKLE.get(name, lambda: _("the int {value}"))().format(value=said)
        yield octet(_("body"), body[at:end], meaning)
