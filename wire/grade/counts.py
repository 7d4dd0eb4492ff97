"""Marks counts of packets, such as a display filter of Wireshark shows in its status bar.

push: tcp.flags.push == 1 && tcp.port == 5555
subscriber_data: tcp.dstport == 12345 && tcp.len > 0
"""

from collections import Counter, defaultdict

from grade import mistakes
from grade.form import QUESTIONS, Form, whole
from grade.mistakes import Mistake
from story.reader import Segment
from story.story import Story

ALIKE = 1000  # kinds of packets that are counted before they are added up
PSH = 8  # the flag in TCP's header (RFC 9293, 3.1)
# What is counted of a port: packets to it and from it, those with data, those with PSH.
TO, FROM, DATA_TO, DATA_FROM, PSH_TO, PSH_FROM = range(6)


class Counts:
    """Counts the packets of each TCP port."""

    def __init__(self, form: Form) -> None:
        self.ports: dict[bytes, list[int]] = {}  # 2 bytes -> the six counts
        # Both ports, whether there is data, and PSH -> packets that are not in `ports` yet.
        self.alike: defaultdict[tuple[bytes, bool, bool], int] = defaultdict(int)

    def look(self, segment: Segment) -> None:
        """Take note of a packet."""
        _, _, key, _, _, flags, payload, cut, _, _ = segment
        self.alike[key[-4:], bool(payload or cut), flags & PSH > 0] += 1
        if len(self.alike) > ALIKE:
            self._add()

    def _add(self) -> None:
        """Add the packets that are alike to the counts of their ports."""
        for (ports, data, push), count in self.alike.items():
            for way, port in (FROM, ports[:2]), (TO, ports[2:]):
                counts = self.ports.setdefault(port, [0] * 6)
                counts[way] += count
                counts[DATA_TO + way] += data * count
                counts[PSH_TO + way] += push * count
        self.alike.clear()

    def _counts(self, pattern: str, story: Story) -> list[int]:
        """Return the six counts of the ports at which servers of a pattern listen."""
        self._add()
        servers = {c.server.rpartition(":")[2] for c in story.connections if c.pattern == pattern}
        found = [self.ports.get(int(port).to_bytes(2), [0] * 6) for port in servers]
        return [sum(counts) for counts in zip(*found, strict=True)] if found else [0] * 6

    def example(self, key: str, story: Story) -> str:
        """Return the answer that is right, "" if there is no such connection."""
        return str(_true(key, self._counts(QUESTIONS[key].whose, story)) or "")

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with a count, None if it is right."""
        number, counts = whole(given), self._counts(QUESTIONS[key].whose, story)
        if number is None:
            return Mistake(mistakes.NO_NUMBER, key)
        if number and number == _true(key, counts):
            return None
        events: Counter[str] = Counter()
        for connection in story.connections:
            events.update(connection.counts)
        if key == "push":
            found = {
                mistakes.REQUESTS: [events["request"]],
                mistakes.MESSAGES: [events["request"] + events["reply"]],
                mistakes.ALL_PACKETS: [counts[TO] + counts[FROM]],
                mistakes.ONE_WAY: [counts[PSH_TO], counts[PSH_FROM]],
                mistakes.ALL_PORTS: [sum(each[PSH_TO] for each in self.ports.values())],
            }
        else:
            found = {
                mistakes.SUBSCRIBES: [events["subscribe"]],
                mistakes.WITH_EMPTY: [counts[TO]],
                mistakes.BOTH_WAYS: [counts[DATA_TO] + counts[DATA_FROM]],
            }
        for name, numbers in found.items():
            if number and number in numbers:
                return Mistake(mistakes.TAKEN, key, name)
        return Mistake(mistakes.TAKEN, key, mistakes.OTHER_NUMBER)


def _true(key: str, counts: list[int]) -> int:
    """Return the answer that these counts make right, 0 if there is none."""
    return counts[PSH_TO] + counts[PSH_FROM] if key == "push" else counts[DATA_TO]
