"""One direction of a TCP connection: how far its stream is, and the segments that wait."""

import heapq

from tcp.segment import Segment

CLIENT, SERVER = 0, 1
WRAP = 1 << 32  # sequence numbers wrap around (RFC 9293, 3.4)


def ahead(seq: int, origin: int) -> int:
    """Return how many bytes a sequence number is ahead of another, negative if behind."""
    return (seq - origin + WRAP // 2) % WRAP - WRAP // 2


class Direction:
    """One direction of a connection: what one side sends."""

    __slots__ = ("acked", "begin", "finished", "first", "next", "origin", "side", "waiting")

    def __init__(self, side: int) -> None:
        self.side = side
        self.first: int | None = None  # sequence number of the SYN
        self.begin: int | None = None  # sequence number of the first byte that was seen
        self.next: int | None = None  # sequence number of the next byte
        self.acked: int | None = None  # the other side has the bytes before this one
        self.waiting: list[tuple[int, int, Segment]] | None = None  # a heap: place, packet number
        self.origin = 0  # sequence number of place 0
        self.finished = False

    def wait(self, segment: Segment) -> None:
        """Keep a segment that is out of order until its turn comes."""
        if not self.waiting:
            self.waiting, self.origin = [], segment.seq
        place = ahead(segment.seq, self.origin)
        heapq.heappush(self.waiting, (place, segment.number, segment))

    def top(self) -> Segment | None:
        """Return the first in the stream of those that wait."""
        return self.waiting[0][2] if self.waiting else None

    def pop(self) -> Segment:
        """Return the first in the stream of those that wait, which waits no longer."""
        assert self.waiting
        segment = heapq.heappop(self.waiting)[2]
        if not self.waiting:
            self.waiting = None
        return segment
