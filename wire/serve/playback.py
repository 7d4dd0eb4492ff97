"""A capture played: a line of JSON for each step, that is for each event.

The browser reads the lines at the pace that it shows them, so that a pause, a step and a speed
are its own affair, and nothing that it asks changes anything here.
"""

import json
from collections.abc import Generator, Iterator
from typing import Any

from capture.files import CaptureFile
from serve.page_json import Change
from serve.page_state import PageState

LINES = 32_000  # bytes of lines that are given together
BREATH = 1000  # packets on the way to a place, after which it may end: no one may wait any more


def played(
    path: str, ports: dict[int, tuple[str, str]], number: int = 0, steps: int = 0
) -> Generator[bytes]:
    """Yield what a page shows after a packet, or after so many steps, then each step to the end."""
    lines: list[bytes] = []
    size = 0
    for change in _changes(path, ports, number, steps):
        if change is None:
            yield b""
            continue
        lines.append(json.dumps(change, separators=(",", ":")).encode() + b"\n")
        size += len(lines[-1])
        if size > LINES:
            yield b"".join(lines)
            lines, size = [], 0
    yield b"".join(lines)


def _changes(
    path: str, ports: dict[int, tuple[str, str]], number: int, steps: int
) -> Iterator[Change | None]:
    """Yield changes, and None now and then on the way to the first."""
    lab, step, told, capture = PageState(ports), 0, False, CaptureFile(path)
    place: Change = {"step": 0, "packets": 0, "time": 0.0}

    def whole() -> list[Change]:
        lab.changes()
        begin, *pieces = lab.whole()
        return [begin | place, *pieces]

    for packet in capture:
        if not told and packet.number % BREATH == 0:
            yield None
        if not told and steps <= 0 and packet.number > number:
            place["packets"] = max(0, number)
            yield from whole()
            told = True
        for event in lab.each(packet):
            step += 1
            place = {"step": step, "packets": event.packet, "time": event.time}
            if told:
                yield lab.changes() | place
            elif step == steps:
                yield from whole()
                told = True
    lab.end()
    last: dict[str, Any] = {"packets": lab.story.packets, "time": lab.story.seconds}
    if not told:
        place |= last
        yield from whole()
    else:
        yield lab.changes() | last
    yield {"end": True, "wrong": capture.wrong}
