"""Brings what happens in a connection into the order of its packets.

A side may begin a greeting or a message and not go on with it. That is known later: when the side
ends, or the capture. So what comes meanwhile waits until the side goes on, or ends, or SECONDS are
over; then it is told, in the packet with the last byte, how far the side came.
"""

from story.model import Event
from tcp.connection import StreamEvent

SECONDS = 2.0  # of the capture, for which events wait
MOST = 100  # things that wait
Entry = tuple[int, StreamEvent | Event]  # from which side


class Sequence:
    """What is still to be told of a connection."""

    __slots__ = ("begun", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        # Of each side the bytes behind which all waits: something is begun with them.
        self.begun: list[StreamEvent | None] = [None, None]

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits, and nothing is begun."""
        one, other = self.begun
        return not (self.entries or one or other)

    def add(self, side: int, happened: StreamEvent) -> None:
        """Take what happened next."""
        self.recall()
        self.entries.append((side, happened))

    def recall(self) -> None:
        """Put the bytes with which something is begun first, if nothing waited behind them."""
        one, other = self.begun
        if not self.entries and (one or other):
            begun = [(side, what) for side, what in enumerate(self.begun) if what]
            self.entries += sorted(begun, key=lambda entry: entry[1].packet)

    def place(self, side: int, event: Event) -> None:
        """Put an event of a side behind the bytes of its packet."""
        entries = self.entries
        for at in range(len(entries), 0, -1):
            one, what = entries[at - 1]
            if one == side and what.packet == event.packet and _bytes(what):
                return entries.insert(at, (side, event))
        return entries.append((side, event))

    def last(self, side: int) -> StreamEvent | None:
        """Return the last bytes of a side among what waits."""
        for one, what in reversed(self.entries):
            if one == side and isinstance(what, StreamEvent) and _bytes(what):
                return what
        return None

    @property
    def since(self) -> float | None:
        """Return the time of the first that waits and is to be told, None if nothing is."""
        for _, what in self.entries:
            if isinstance(what, Event) or what.kind != "data":
                return what.time
        return None


def _bytes(what: StreamEvent | Event) -> bool:
    """Tell whether it is bytes, missing or not, or an event that was read from some."""
    return isinstance(what, Event) or what.kind in ("data", "gap")
