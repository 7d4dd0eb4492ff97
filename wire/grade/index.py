"""The connections of a class, to be found again by each of their traces (see fingerprint.py)."""

from collections import Counter
from collections.abc import Iterable, Iterator

from grade.fingerprint import RHYTHM, SCRIPTED, STAMPS, Fingerprint, Held

SLOTS = 1_048_573  # bytes that tell which traces there may be twice; a prime


class Group:
    """One connection, and the captures that hold it."""

    __slots__ = ("holders",)

    def __init__(self) -> None:
        self.holders: dict[int, Held] = {}  # index of the capture -> as it holds it


class Index:
    """The connections of a class, to be found again by each of their traces."""

    def __init__(self, captures: list[Fingerprint]) -> None:
        all_held = [held for capture in captures for held in capture.held]
        jobs = Counter(said for each in captures for said in {held.said for held in each.held})
        self.shared = {said for said, count in jobs.items() if said and count > 1}
        self.paces: dict[tuple[int, int], list[Held]] = {}  # those with jobs, by how they began
        for held in all_held if self.shared else []:
            if held.said:
                self.paces.setdefault(held.pace, []).append(held)
        # Only what may be there twice is kept: in an honest class that is next to nothing.
        self.often = _often(trace for held in all_held for trace in held.stamps + held.rhythm)
        self.ports: dict[str, list[Group]] = {}
        self.initial: dict[tuple[int, int], Group] = {}
        self.stamps: dict[int, Group] = {}
        self.rhythm: dict[int, Group] = {}
        self.said: dict[int, Group] = {}

    def group(self, held: Held) -> Group:
        """Return the group that a connection belongs to, with its traces added."""
        group = next(self._alike(held), None) or Group()
        alike = self.ports.setdefault(held.ports, [])
        if group not in alike:
            alike.append(group)
        if held.syn:
            self.initial.setdefault(held.initial, group)
        for traces, index in (held.stamps, self.stamps), (held.rhythm, self.rhythm):
            for trace in traces:
                if self.often[trace % SLOTS] > 1:
                    index.setdefault(trace, group)
        if held.said in self.shared:
            self.said.setdefault(held.said, group)
        return group

    def _alike(self, held: Held) -> Iterator[Group]:
        """Yield the groups of which one holder is this connection."""
        if group := self.initial.get(held.initial):
            yield group
        for group in self.ports.get(held.ports, ()):
            if any(held.near(other) for other in group.holders.values()):
                yield group
        for traces, index, enough in (
            (held.stamps, self.stamps, STAMPS),
            (held.rhythm, self.rhythm, RHYTHM),
        ):
            votes = [index[trace] for trace in traces if trace in index]
            if len(votes) >= enough:
                yield from (group for group, count in Counter(votes).items() if count >= enough)
        if held.said in self.shared and (group := self.said.get(held.said)):
            if any(held.paced(other) for other in group.holders.values()):
                if not self._scripted(held):
                    yield group

    def _scripted(self, held: Held) -> bool:
        """Tell whether captures in which other jobs were said began their connections alike."""
        count, first = held.pace
        near = [self.paces.get((count, first + by), ()) for by in (-1, 0, 1)]
        return any(
            other.said != held.said and held.paced(other, SCRIPTED)
            for some in near
            for other in some
        )


def _often(traces: Iterable[int]) -> bytearray:
    """Return by the remainder of traces how often there is one with it: 2 is twice or more."""
    often = bytearray(SLOTS)
    for trace in traces:
        at = trace % SLOTS
        often[at] = 2 if often[at] else 1
    return often
