"""What a command says: heartbeats, the steps of a handshake, errors.

The commands are those of RFC 23 and 37, PLAIN RFC 24, CURVE RFC 25 and 26.
"""

from functools import lru_cache

from safe import text_of
from story.model import Connection, Event, MessageFrame
from story.pending import shortened
from zmtp.command import properties
from zmtp.frames import COMMAND, Frame

AROUND = 8 + 8 + 16 + 1  # bytes around the body of a frame in CURVE: name, nonce, MAC, flags
MANGLED = b"^RROR\x03"  # libzmq's PLAIN server writes the first byte and the E of 5 ERROR as one


def command(
    connection: Connection, sender: str, frame: Frame, name: bytes, data: bytes, time: float
) -> Event:
    """Return the event of a command, by its name and its data, other than SUBSCRIBE and CANCEL."""
    mechanism = connection.mechanism
    event = Event(frame.last, time, sender, "command", size=frame.size)
    event.first_packet, event.wire = frame.first, shortened([frame], frame.size)
    role = "command" if frame.flags & COMMAND else "body"
    event.parts = [MessageFrame(frame.last, role, text_of(name), frame.size)]
    if frame.missing:
        event.note = f"{frame.missing} of its bytes are not in the capture"
    if name in (b"PING", b"PONG"):
        event.kind = name.decode().lower()
        ttl = f"time to live {int.from_bytes(data[:2]) / 10:g} s" if name == b"PING" else ""
        context = text_of(data[2:] if name == b"PING" else data)
        event.text = ", ".join(filter(None, (ttl, f'context "{context}"' * bool(context))))
    elif name in (b"JOIN", b"LEAVE"):
        event.kind, event.text = name.decode().lower(), text_of(data)
    elif name == b"MESSAGE":
        connection.mechanism = mechanism or "CURVE"
        event.kind = "encrypted"
        if connection.mechanism == "CURVE":
            event.size = max(0, frame.size - AROUND)
            if frame.size < AROUND:
                event.note = event.note or "too short for CURVE"
    elif name == b"ERROR":
        event.kind, event.text = "error", text_of(data[1 : 1 + data[0]] if data else b"")
    elif frame.body.startswith(MANGLED):
        event.kind, event.text = "error", text_of(frame.body[6:9])
        event.parts = [MessageFrame(frame.last, role, "^RROR", frame.size)]
        event.note = "as libzmq's PLAIN sends it: ^RROR instead of a 5 and ERROR"
    elif name in (b"READY", b"INITIATE"):
        event.kind = name.decode().lower()
        if mechanism == "CURVE":
            event.text = f"encrypted, {len(data)} bytes"
        else:
            event.socket_type, event.identity, event.metadata = _ready(data)
            event.text = event.socket_type
    elif name in (b"HELLO", b"WELCOME"):
        event.kind = name.decode().lower()
        if mechanism == "CURVE":
            event.text = "keys, partly encrypted" if name == b"HELLO" else "encrypted"
        elif name == b"HELLO" and data:
            user, secret = data[1 : 1 + data[0]], data[2 + data[0] :]
            event.text = f'user "{text_of(user)}" and a password of {len(secret)} bytes, in clear'
    else:
        event.text = text_of(name)
    return event


@lru_cache(maxsize=8)  # those of a capture are much the same
def _ready(data: bytes) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return socket type, identity and all other properties of a READY or INITIATE."""
    found = {name: text_of(value) for name, value in properties(data).items()}
    known = {name.lower(): name for name in found}
    socket_type = found.pop(known.get("socket-type", ""), "")
    identity = found.pop(known.get("identity", ""), "")
    return socket_type, identity, tuple(found.items())
