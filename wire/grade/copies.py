"""Finds captures that hold the same connection, and says what differs between them.

A connection is known by its ports and by both initial sequence numbers, which TCP chooses at
random (RFC 9293, 3.4.1). They stay when a capture is renamed, cut, filtered, merged, saved in
another format, or when its text, its addresses or its clock are changed. Where the SYN is not in
the capture, the first bytes that are have numbers close to it, so numbers need only be near. For
two captures of a class of 1,000 to be so by chance would take millions of classes.
"""

import filecmp
from collections import Counter
from typing import NamedTuple

from capture.packet import Packet
from story.model import MESSAGES, Event, New
from story.reader import Segment
from story.story import Story

CONNECTIONS, TEXTS = 200, 50  # of a capture, and of a connection: what is compared
OTHERS = 10  # files that are named
NEAR = 1 << 16  # bytes between what two captures have first of the same connection


class Held(NamedTuple):
    """A connection as one capture holds it."""

    client: str
    server: str
    initial: tuple[int, int]  # sequence numbers at which client and server begin
    syn: int  # microseconds since 1970, 0 if it is not in the capture
    greeting: int
    texts: dict[int, str]  # microseconds since 1970 -> text of a message

    @property
    def ports(self) -> tuple[str, str]:
        return self.client.rpartition(":")[2], self.server.rpartition(":")[2]

    def same(self, other: "Held") -> bool:
        """Tell whether both are one connection, if their ports are the same."""
        return all(
            (a - b + NEAR) % (1 << 32) <= 2 * NEAR
            for a, b in zip(self.initial, other.initial, strict=True)
        )


class Fingerprint:
    """What is kept of a capture to compare it with others."""

    def __init__(self, path: str, name: str) -> None:
        self.path, self.name = path, name
        self.packets = 0
        self.held: list[Held] = []
        self.texts: dict[int, dict[float, str]] = {}  # number of the connection -> its messages

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of the messages that a packet completes."""
        for connection, event in new:
            if event.kind in MESSAGES and connection.number <= CONNECTIONS:
                texts = self.texts.setdefault(connection.number, {})
                if len(texts) < TEXTS:
                    texts[event.time] = event.text[:100]

    def close(self, story: Story) -> None:
        """Take the connections of the story, once it is read."""
        self.packets = story.packets

        def clock(event: Event | None) -> int:
            return at(event.time) if event else 0

        def at(seconds: float) -> int:
            return ((story.start or 0) + round(seconds * 1e9)) // 1000

        for connection in story.connections[:CONNECTIONS]:
            initial, first = connection.initial, connection.firsts
            if len(initial) == 2:
                texts = self.texts.get(connection.number, {})
                self.held.append(
                    Held(
                        connection.client,
                        connection.server,
                        (initial["client"], initial["server"]),
                        clock(first.get("syn")),
                        clock(first.get("greeting client")),
                        {at(time): text for time, text in texts.items()},
                    )
                )
        self.texts.clear()


class Copy(NamedTuple):
    """What a capture has in common with others."""

    others: list[str]  # names of at most OTHERS files, the earlier ones in `differs` first
    more: int  # how many there are beyond
    differs: list[str]  # for each earlier file in which a connection is seen first: what differs


class Group:
    """One connection, and the captures that hold it."""

    def __init__(self, first: Held) -> None:
        self.first = first
        self.holders: dict[int, Held] = {}  # index of the capture -> as it holds it


def copies(captures: list[Fingerprint]) -> list[Copy]:
    """Return for each capture, in the order of the table, which others hold its connections."""
    known: dict[tuple[str, str], list[Group]] = {}  # by the ports
    groups: list[list[Group]] = [[] for _ in captures]  # of each capture
    for index, capture in enumerate(captures):
        for held in capture.held:
            alike = known.setdefault(held.ports, [])
            group = next((group for group in alike if group.first.same(held)), None)
            if group is None:
                group = Group(held)
                alike.append(group)
            if index not in group.holders:
                group.holders[index] = held
                groups[index].append(group)
    found = []
    for index, capture in enumerate(captures):
        shared = [group for group in groups[index] if len(group.holders) > 1]
        first = sorted({min(group.holders) for group in shared} - {index})
        others = sorted({other for group in shared for other in group.holders} - {index, *first})
        named = [*first, *others]
        differs = []
        for earlier in first[:OTHERS]:
            pairs = [(g.holders[earlier], g.holders[index]) for g in shared if earlier in g.holders]
            differs.append(_differences(captures[earlier], capture, pairs))
        names = [captures[other].name for other in named[:OTHERS]]
        found.append(Copy(names, len(named[OTHERS:]), differs))
    return found


def _differences(there: Fingerprint, here: Fingerprint, shared: list[tuple[Held, Held]]) -> str:
    """Say how many connections two captures share, and what else differs."""
    try:
        if filecmp.cmp(there.path, here.path, shallow=False):
            return "byte for byte"
        formats = [_magic(capture.path) for capture in (there, here)]
    except OSError:
        formats = []
    count = len(here.held)
    said = [f"{len(shared)} of {count} connection{'s' * (count != 1)}"]
    if there.packets != here.packets:
        said.append(f"{here.packets:,} packets instead of {there.packets:,}")
    if len(set(formats)) > 1:
        said.append("another file format")
    if any(a[:2] != b[:2] for a, b in shared):
        said.append("other addresses")
    texts, shift = [], 0
    for a, b in shared:
        moved = _moved(a, b)
        shift = shift or moved
        pairs = [(text, b.texts.get(time + moved, text)) for time, text in a.texts.items()]
        texts += [(old, new) for old, new in pairs if old != new]
    if shift:
        said.append(f"clock {shift / 1e6:+.6f} s")
    if texts:
        more = f" and {len(texts) - 1} more" if texts[1:] else ""
        said.append(f'"{texts[0][1]}" instead of "{texts[0][0]}"{more}')
    if len(said) == 1:
        said.append("no difference in what is told")
    return ", ".join(said)


def _moved(a: Held, b: Held) -> int:
    """Return by how many microseconds the second has a later clock, 0 if that is not known."""
    for here, there in (a.syn, b.syn), (a.greeting, b.greeting):
        if here and there and there != here:
            return there - here
    if (a.syn and b.syn) or (a.greeting and b.greeting):
        return 0
    later = Counter(  # cut at the front: by texts that are the same; one may be so by chance
        there - here
        for here, old in a.texts.items()
        for there, new in b.texts.items()
        if old == new
    )
    return next((moved for moved, times in later.most_common(1) if times > 1), 0)


def _magic(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(4)
