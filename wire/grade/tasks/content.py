"""What a message of a task holds, read from bytes that anyone may have written.

Whatever is not as the task asks raises Refused, which says what it is instead.
"""

import json
from typing import Any

from grade.requirements import Reason
from grade.tasks import reasons as why
from safe import text_of
from story.model import Event

WHOLE = 1 << 20  # bytes of a message; no more of a frame is kept (zmtp/frames.py)
NAME = 200  # characters of a name
SHOWN = 40  # characters of what is not as it should be
NUMBERS = 1 << 63  # no number of a task is as large
DIGITS = 20  # which no such number has


class Refused(Exception):
    """A message is not as the task asks."""

    def __init__(self, event: Event, said: str, /, **fields: object) -> None:
        self.reason = Reason(said, {"packet": event.packet, **fields})


def shown(text: str) -> str:
    """Return a text that came in a message, safe to show and shortened."""
    return text_of(text.encode(errors="surrogatepass"), SHOWN)


def text(event: Event) -> str:
    """Return the text of a message of one frame."""
    bodies = [at for at, part in enumerate(event.parts) if part.role == "body"]
    if len(bodies) != 1 or event.frames or bodies[0] >= len(event.wire):
        raise Refused(event, why.FRAMES)
    frame = event.wire[bodies[0]]
    body: bytes = getattr(frame, "body", b"")
    if getattr(frame, "missing", 0):
        raise Refused(event, why.NOT_WHOLE)
    if len(body) < event.parts[bodies[0]].size:
        raise Refused(event, why.TOO_LONG, most=f"{WHOLE:,}")
    if event.value is not None:
        raise Refused(event, why.PICKLE)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused(event, why.NO_TEXT, text=text_of(body, SHOWN)) from None


class _Twice(ValueError):
    """A key stands twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice
    return found


def _constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are no JSON (RFC 8259, 6)


def _int(digits: str) -> int:
    return int(digits) if len(digits) <= DIGITS else NUMBERS


DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_constant, parse_int=_int)


def content(event: Event) -> Any:
    """Return what the JSON of a message holds."""
    said = text(event)
    try:
        return DECODER.decode(said)
    except RecursionError:
        raise Refused(event, why.TOO_DEEP) from None
    except _Twice:
        raise Refused(event, why.TWICE) from None
    except ValueError:
        raise Refused(event, why.NO_JSON, text=shown(said)) from None


def record(event: Event) -> dict[str, Any]:
    """Return the object in a message."""
    found = content(event)
    if not isinstance(found, dict):
        raise Refused(event, why.NO_OBJECT)
    return found


def whole(event: Event, found: dict[str, Any], key: str) -> int:
    """Return the whole number of a key, from 0 on."""
    value = found.get(key)
    if type(value) is not int or not 0 <= value < NUMBERS:
        raise Refused(event, why.NO_WHOLE, key=key)
    return value


def seconds(event: Event, found: dict[str, Any], key: str) -> float:
    """Return the seconds of a key, from 1 on."""
    value: Any = found.get(key)
    if type(value) not in (int, float) or not 1 <= value < NUMBERS:
        raise Refused(event, why.NO_SECONDS, key=key)
    return float(value)


def name(event: Event, found: dict[str, Any], key: str) -> str:
    """Return the text of a key, which is neither empty nor long."""
    value = found.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= NAME:
        raise Refused(event, why.NO_NAME, key=key, most=NAME)
    return value
