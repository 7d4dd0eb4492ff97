"""Finds captures that hold the same connection, and says what differs between them.

A connection is known by both initial sequence numbers, which TCP chooses at random (RFC 9293,
3.4.1), and by its ports. They stay when a capture is renamed, cut, filtered, merged, saved in
another format, or when its text, its addresses or its clock are changed; two connections that have
them in common by chance are not to be expected in 2^64. They are known as long as the SYNs or
the greetings are in the capture.
"""

import filecmp
from typing import NamedTuple

from read.events import MESSAGES
from read.frames import Record
from read.story import New, Story

CONNECTIONS, TEXTS = 50, 50  # of a capture, and of a connection: what is compared
OTHERS = 10  # files that are named
Key = tuple[int, int, str, str]  # initial sequence numbers and ports of client and server


class Held(NamedTuple):
    """A connection as one capture holds it."""

    client: str
    server: str
    syn: int  # microseconds since 1970, 0 if it is not in the capture
    greeting: int
    texts: dict[int, str]  # microseconds since 1970 -> text of a message


class Capture:
    """What is kept of a capture to compare it with others."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name
        self.frames = 0
        self.held: dict[Key, Held] = {}
        self.texts: dict[int, dict[float, str]] = {}  # number of the connection -> its messages

    def look(self, record: Record | None, new: New) -> None:
        """Take note of the messages that a packet completes."""
        for connection, event in new:
            if event.kind in MESSAGES and connection.number <= CONNECTIONS:
                texts = self.texts.setdefault(connection.number, {})
                if len(texts) < TEXTS:
                    texts[event.time] = event.text[:100]

    def close(self, story: Story) -> None:
        """Take the connections of the story, once it is read."""
        self.frames = story.frames

        def clock(seconds: float) -> int:
            return ((story.start or 0) + round(seconds * 1e9)) // 1000

        for connection in story.connections[:CONNECTIONS]:
            initial, first = connection.initial, connection.firsts
            if len(initial) < 2:
                continue
            client, server = connection.client, connection.server
            ports = client.rpartition(":")[2], server.rpartition(":")[2]
            syn = clock(first["syn"].time) if "syn" in first else 0
            greeting = clock(first["greeting client"].time)
            texts = self.texts.get(connection.number, {})
            self.held[initial["client"], initial["server"], *ports] = Held(
                client, server, syn, greeting, {clock(time): text for time, text in texts.items()}
            )
        self.texts.clear()


class Copy(NamedTuple):
    """What a capture has in common with others."""

    others: list[str]  # names of at most OTHERS files, the earlier ones in `differs` first
    more: int  # how many there are beyond
    differs: list[str]  # for each earlier file in which a connection is seen first: what differs


def copies(captures: list[Capture]) -> list[Copy]:
    """Return for each capture, in the order of the table, which others hold its connections."""
    holders: dict[Key, list[int]] = {}
    for index, capture in enumerate(captures):
        for key in capture.held:
            holders.setdefault(key, []).append(index)
    found = []
    for index, capture in enumerate(captures):
        shared = [holders[key] for key in capture.held if len(holders[key]) > 1]
        first = sorted({each[0] for each in shared} - {index})
        others = sorted({other for each in shared for other in each} - {index, *first})
        named = [*first, *others]
        found.append(
            Copy(
                [captures[other].name for other in named[:OTHERS]],
                len(named[OTHERS:]),
                [_differences(captures[other], capture) for other in first[:OTHERS]],
            )
        )
    return found


def _differences(there: Capture, here: Capture) -> str:
    """Say how many connections two captures share, and what else differs."""
    try:
        if filecmp.cmp(there.path, here.path, shallow=False):
            return "byte for byte"
        formats = [_magic(capture.path) for capture in (there, here)]
    except OSError:
        formats = []
    shared = [(there.held[key], held) for key, held in here.held.items() if key in there.held]
    count = len(here.held)
    said = [f"{len(shared)} of its {count} connection{'s' * (count != 1)}"]
    if there.frames != here.frames:
        said.append(f"{there.frames:,} frames there, {here.frames:,} here")
    if len(set(formats)) > 1:
        said.append("another file format")
    if any(a[:2] != b[:2] for a, b in shared):
        said.append("other addresses")
    texts, shift = [], 0
    for a, b in shared:
        moved = next((y - x for x, y in zip(a[2:4], b[2:4], strict=True) if x and y), 0)
        shift = shift or moved
        pairs = [(text, b.texts.get(time + moved, text)) for time, text in a.texts.items()]
        texts += [(old, new) for old, new in pairs if old != new]
    if shift:
        said.append(f"clock {shift / 1e6:+.6f} s")
    if texts:
        more = f" and {len(texts) - 1} more" if texts[1:] else ""
        said.append(f'"{texts[0][0]}" there is "{texts[0][1]}" here{more}')
    if len(said) == 1:
        said.append("no difference in what is told")
    return ", ".join(said)


def _magic(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(4)
