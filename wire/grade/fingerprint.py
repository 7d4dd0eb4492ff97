"""What is kept of a capture, to know its connections again in another.

A connection leaves traces that no single command changes, each enough to know it again:

- both initial sequence numbers, which TCP chooses at random (RFC 9293, 3.4.1). Where the SYN is
  not in the capture, the first bytes that are have numbers close to it, and the ports are looked
  at too. For two captures of a class of 1,000 to be alike by chance would take millions of classes;
- TCP's timestamps, which begin at a random value on each connection (RFC 7323, 5.4);
- the rhythm: the times between its events, to the microsecond;
- what was said: the jobs in their order, which PUSH draws by lot, and the times published, of
  connections that began one after the other as these did. A few jobs are alike by chance among
  fifty captures; where others began theirs so too, a script did it, and this tells nothing.
"""

from array import array
from collections import Counter
from collections.abc import Container, Iterator
from itertools import chain, pairwise
from typing import NamedTuple

from capture.packet import Packet
from grade.numbers import sent_ways
from story.model import MESSAGES, Event, New
from story.reader import Segment
from story.story import Story

CONNECTIONS, TEXTS = 200, 50  # of a capture, and of a connection: what is compared
WAITING = 1000  # packets back in which an event is that is told now
MOMENTS, TRACES = 60, 12  # events of a connection that are timed, and its traces of a sort
NEAR = 1 << 16  # bytes between what two captures have first of the same connection
STAMPS, RHYTHM = 3, 4  # so many traces of a sort have to be the same
GAPS, LEAST = 3, 100  # times between events in a trace of the rhythm; their sum in microseconds
JOBS, TIMES = 5, 3  # jobs and published messages without which what was said tells nothing
PACE = 10  # milliseconds between what one capture and its copy tell of when connections began
WHOLE = (1 << 64) - 1
SCRIPTED = 3 * PACE  # where others began theirs so too, it was a script that paced them
EVIDENCE = ("sequence numbers", "TCP timestamps", "rhythm", "texts")


class Held(NamedTuple):
    """A connection as one capture holds it."""

    client: str
    server: str
    initial: tuple[int, int]  # sequence numbers at which client and server begin
    syn: int  # microseconds since 1970, 0 if it is not in the capture
    greeting: int
    messages: "array[int]"  # of each what it is in, as in `moments`, 0: not known; and its time
    lines: str  # their texts, none of which has a line break
    moments: "array[int]"  # of each event sequence number and side; microseconds since 1970
    stamps: "array[int]"
    rhythm: "array[int]"
    said: int  # what tells the jobs of a capture, 0 if they are too few
    begun: tuple[int, ...]  # and how many ms after one another its connections began

    @property
    def ports(self) -> str:
        return f"{self.client.rpartition(':')[2]} {self.server.rpartition(':')[2]}"

    @property
    def texts(self) -> dict[int, str]:
        """Return microseconds since 1970 -> text of a message."""
        return {time: text for _, time, text in self._said()}

    @property
    def spoken(self) -> dict[tuple[int, int], str]:
        """Return what each message is in, and which it is of those in it -> its text."""
        found: dict[tuple[int, int], str] = {}
        count: Counter[int] = Counter()
        for at, _, text in self._said():
            count[at] += 1
            found[at, count[at]] = text
        return {at: text for at, text in found.items() if at[0]}

    def _said(self) -> Iterator[tuple[int, int, str]]:
        """Yield each message: what it is in, when it came, its text."""
        return zip(self.messages[::2], self.messages[1::2], self.lines.split("\n"), strict=False)

    def near(self, other: "Held") -> bool:
        """Tell whether both begin near the same sequence numbers."""
        return all(
            (a - b + NEAR) % (1 << 32) <= 2 * NEAR  # they wrap around
            for a, b in zip(self.initial, other.initial, strict=True)
        )

    def whole(self, other: "Held") -> bool:
        """Tell whether both hold the SYNs, and these have the same sequence numbers."""
        return self.syn > 0 < other.syn and self.initial == other.initial

    @property
    def pace(self) -> tuple[int, int]:
        """Return what is alike, but for one, of connections that are paced alike."""
        count = len(self.begun)
        return count, sum(self.begun) // (count * SCRIPTED or 1)

    def paced(self, other: "Held", within: int = PACE) -> bool:
        """Tell whether the connections of both captures began with the same distances, in ms."""
        alike = len(self.begun) == len(other.begun) > 1
        both = zip(self.begun, other.begun, strict=False)
        return alike and all(abs(a - b) < within for a, b in both)

    def apart(self, other: "Held") -> list[int]:
        """Return by how many microseconds the other has each event that both hold later."""
        theirs = dict(zip(other.moments[::2], other.moments[1::2], strict=True))
        ours = zip(self.moments[::2], self.moments[1::2], strict=True)
        return [theirs[at] - time for at, time in ours if at in theirs]

    def evidence(self, other: "Held") -> list[str]:
        """Return by what both are known to be one connection; nothing if they are not."""
        near = self.near(other) and (self.ports == other.ports or self.whole(other))
        traces = (
            near,
            len({*self.stamps} & {*other.stamps}) >= STAMPS,
            len({*self.rhythm} & {*other.rhythm}) >= RHYTHM,
            self.said != 0 and self.said == other.said and self.paced(other),
        )
        return [name for name, there in zip(EVIDENCE, traces, strict=True) if there]


class Notes:
    """What is noted of a connection while its capture is read."""

    __slots__ = ("moments", "stamps", "texts")

    def __init__(self) -> None:
        self.texts: list[tuple[int, float, str]] = []  # what each is in; seconds of the story
        self.moments: dict[int, int] = {}
        self.stamps: list[int] = []


class Fingerprint:
    """What is kept of a capture to compare it with others; an observer of the one pass."""

    def __init__(self, path: str, name: str, owners: frozenset[str], known: Container[str]) -> None:
        """`owners`: the number of who handed it in, `known`: those of the class, in all ways."""
        self.path, self.name, self.owners, self.known = path, name, owners, known
        self.packets = 0
        self.numbers: set[str] = set()  # of those that are known, what is a request
        self.held: list[Held] = []
        self.notes: dict[int, Notes] = {}  # by the number of the connection
        # Number of a packet -> its time and segment: where bytes are missing, events come later.
        self.recent: dict[int, tuple[int, Segment]] = {}

    @property
    def sent(self) -> bool:
        """Tell whether the number of its owner is a request."""
        return not self.owners.isdisjoint(self.numbers)

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of a packet and of the events that it completes; None at the end."""
        if packet and segment and (new or segment.payload):
            self.recent[packet.number] = packet.time, segment
            if packet.number > WAITING:
                self.recent.pop(packet.number - WAITING, None)
        for connection, event in new:
            if event.kind == "request":
                self.numbers.update(way for way in sent_ways(event) if way in self.known)
            if connection.number > CONNECTIONS:
                continue
            notes = self.notes.get(connection.number)
            if notes is None:
                notes = self.notes[connection.number] = Notes()
            at, found = 0, self.recent.get(event.packet)
            if found:
                time, sent = found
                at = sent.seq << 1 | (event.sender == connection.client)
                if len(notes.moments) < MOMENTS:
                    notes.moments.setdefault(at, time // 1000)
                    notes.stamps.append(sent.stamp & WHOLE)
            if event.kind in MESSAGES and len(notes.texts) < TEXTS:
                notes.texts.append((at, event.time, event.text[:100]))

    def close(self, story: Story) -> None:
        """Take the connections of the story, once it is read."""
        self.packets = story.packets
        said = _said(story, self.notes)
        firsts = [min(notes.moments.values()) for notes in self.notes.values() if notes.moments]
        begun = tuple((b - a) // 1000 for a, b in pairwise(firsts))

        def clock(event: Event | None) -> int:
            return at(event.time) if event else 0

        def at(seconds: float) -> int:
            return ((story.start or 0) + round(seconds * 1e9)) // 1000

        for connection in story.connections[:CONNECTIONS]:
            initial, first = connection.initial, connection.firsts
            notes = self.notes.get(connection.number) or Notes()
            messages = [(sent_in, at(seconds)) for sent_in, seconds, _ in notes.texts]
            if len(initial) == 2:
                self.held.append(
                    Held(
                        connection.client,
                        connection.server,
                        (initial["client"], initial["server"]),
                        clock(first.get("syn")) * ("syn-ack" in first),
                        clock(first.get("greeting client")),
                        array("q", [*chain.from_iterable(messages)]),
                        "\n".join(text for _, _, text in notes.texts),
                        array("q", [*chain.from_iterable(notes.moments.items())]),
                        _fewest(filter(None, notes.stamps)),
                        _fewest(_gaps(sorted(notes.moments.values()))),
                        said * (connection.pattern == "PUSH-PULL"),
                        begun if connection.pattern == "PUSH-PULL" else (),
                    )
                )
        self.notes.clear()
        self.recent.clear()
        self.known = ()


def _said(story: Story, notes: dict[int, Notes]) -> int:
    """Return what tells the jobs and the times published of a capture, 0 if they are too few."""
    texts: dict[str, list[str]] = {"job": [], "published": []}
    for connection in story.connections[:CONNECTIONS]:
        kind = next((kind for kind in texts if kind in connection.counts), "")
        if kind and connection.number in notes:
            texts[kind] += [text for _, _, text in notes[connection.number].texts]
    jobs, times = texts["job"][: 2 * JOBS], texts["published"][: 2 * TIMES]
    return hash((*jobs, *times)) if len(jobs) >= JOBS and len(times) >= TIMES else 0


def _fewest(traces: Iterator[int]) -> "array[int]":
    """Return at most TRACES of them, chosen alike in each capture that has them."""
    found = [*set(traces)]
    if len(found) > TRACES:
        found.sort(key=lambda trace: trace * 0x9E3779B1 % (1 << 32))
    return array("Q", found[:TRACES])


def _gaps(times: list[int]) -> Iterator[int]:
    """Yield each GAPS times between events that follow one another, as one number."""
    gaps = [later - time for time, later in pairwise(times)]
    if all(gap % 1000 == 0 for gap in gaps):  # a clock of milliseconds tells too little
        return
    for some in zip(*(gaps[at:] for at in range(GAPS)), strict=False):
        if 0 not in some and sum(some) > LEAST:
            yield hash(some) & 0xFFFFFFFFFFFF
