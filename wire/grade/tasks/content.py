"""What a message of a task holds, read from bytes that anyone may have written.

Whatever is not as the task asks raises Refused, which says what it is instead.
"""

import json
from typing import Any

from grade.mistakes import N_
from grade.requirements import Reason
from safe import text_of
from story.model import Event

WHOLE = 1 << 20  # bytes of a message; more of a frame is not kept (zmtp/frames.py)
NAME = 200  # characters of a name
SHOWN = 40  # characters of what is not as it should be
NUMBERS = 1 << 63  # no number of a task is as large


class Refused(Exception):
    """A message is not as the task asks."""

    def __init__(self, event: Event, said: str, /, **fields: object) -> None:
        self.reason = Reason(said, {"packet": event.packet, **fields})


def shown(text: str, most: int = SHOWN) -> str:
    """Return a text that came in a message, safe to show and shortened."""
    return text_of(text.encode(errors="surrogatepass"), most)


def text(event: Event) -> str:
    """Return the text of a message of one frame."""
    frames = event.frames or len(event.parts)
    bodies = [at for at, part in enumerate(event.parts) if part.role == "body"]
    if len(bodies) != 1 or frames != len(event.parts) or bodies[0] >= len(event.wire):
        raise Refused(event, N_("packet {packet} has a message of several frames, not of one"))
    frame = event.wire[bodies[0]]
    body: bytes = getattr(frame, "body", b"")
    if getattr(frame, "missing", 0):
        raise Refused(event, N_("the message in packet {packet} is not whole in the capture"))
    if len(body) < event.parts[bodies[0]].size:
        most = f"{WHOLE:,}"
        raise Refused(event, N_("packet {packet} has more than {most} bytes: not read"), most=most)
    if event.value is not None:
        raise Refused(event, N_("packet {packet} has a pickle, and no JSON"))
    try:
        return body.decode()
    except UnicodeDecodeError:
        said = shown(event.text)
        raise Refused(event, N_('packet {packet} is no UTF-8: "{text}"'), text=said) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are no JSON (RFC 8259, 6)


def content(event: Event) -> Any:
    """Return what the JSON of a message holds, in which no key stands twice."""
    said = text(event)
    try:
        return json.loads(said, object_pairs_hook=_once, parse_constant=_constant)
    except RecursionError:
        raise Refused(event, N_("packet {packet} has JSON nested too deep to be read")) from None
    except ValueError:
        short = shown(said)
        raise Refused(event, N_('packet {packet} is no JSON: "{text}"'), text=short) from None


def record(event: Event) -> dict[str, Any]:
    """Return the object in a message."""
    found = content(event)
    if not isinstance(found, dict):
        raise Refused(event, N_("packet {packet} has JSON, but no object"))
    return found


def whole(event: Event, found: dict[str, Any], key: str) -> int:
    """Return the whole number of a key, from 0 on."""
    value = found.get(key)
    if type(value) is not int or not 0 <= value < NUMBERS:
        said = N_('packet {packet}: "{key}" is no whole number from 0 to 2^63 - 1')
        raise Refused(event, said, key=key)
    return value


def seconds(event: Event, found: dict[str, Any], key: str) -> float:
    """Return the seconds of a key."""
    value: Any = found.get(key)
    if type(value) not in (int, float) or not 0 <= value < NUMBERS:  # NaN is not, either
        raise Refused(event, N_('packet {packet}: "{key}" is no number of seconds'), key=key)
    return float(value)


def name(event: Event, found: dict[str, Any], key: str, most: int = NAME) -> str:
    """Return the text of a key, which is not empty."""
    value = found.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        said = N_('packet {packet}: "{key}" is no text of 1 to {most} characters')
        raise Refused(event, said, key=key, most=f"{most:,}")
    return value
