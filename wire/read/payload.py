"""What the body of a ZMTP frame says, as text that is safe to show anywhere."""

import pickletools

SHOWN = 1000  # characters of a text that are kept in a story whose runs collapse
# pickled ints: opcodes that push an int or a long, and those around it
INTS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
AROUND = {"PROTO", "FRAME", "STOP"}


def printable(data: bytes) -> str:
    """Return UTF-8 text with everything that is not, or that a terminal obeys, escaped."""
    text = data.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def pickled(data: bytes) -> int | str | None:
    """Return the int in a pickle of nothing else, "pickle" for any other, None if it is none.

    Only the opcodes are read. Nothing is unpickled: a pickle may run what its sender likes.
    """
    if len(data) > 65535 or not data.endswith(b"."):
        return None
    found: list[int] = []
    only = True
    try:
        for opcode, argument, _position in pickletools.genops(data):
            if opcode.name in INTS and type(argument) is int and not found:
                found.append(argument)
            elif opcode.name not in AROUND:
                only = False
        whole = _position == len(data) - 1
    except Exception:  # genops raises many kinds on what is no pickle
        return None
    if not whole or not (found or data[0] == 0x80):
        return None
    return found[0] if only and found and abs(found[0]) < 1 << 63 else "pickle"


def properties(data: bytes) -> dict[str, bytes]:
    """Return the metadata of a READY or INITIATE: name (1 byte of size), value (4 bytes).

    RFC 23 and 37, "Commands" of the NULL mechanism. What is malformed ends it.
    """
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        name = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        size = int.from_bytes(data[at : at + 4])
        if at + 4 + size > len(data):
            break
        found[printable(name)] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def text_of(data: bytes, limit: int = SHOWN) -> str:
    """Return the text of a body, shortened with "…" after `limit` characters."""
    if len(data) <= limit:
        return printable(data)
    text = printable(data[: limit * 4])  # a character has up to four bytes
    return text if len(text) <= limit and len(data) <= limit * 4 else text[:limit] + "…"
