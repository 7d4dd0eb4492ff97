"""What a command is made of: its name, its data, the properties of READY.

The commands are those of RFC 23 and 37. A body is a byte of size, the name of so many bytes, and
its own data.
"""

from safe import text_of
from zmtp.frames import Frame


def named(frame: Frame) -> tuple[bytes, bytes]:
    """Return name and data of a command."""
    body = frame.body
    length = body[0] if body else 0
    return body[1 : 1 + length], body[1 + length :]


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
        found[text_of(name)] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found
