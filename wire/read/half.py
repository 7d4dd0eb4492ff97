"""What is known of one direction of a TCP connection."""

import heapq
from typing import TYPE_CHECKING, NamedTuple

from read.segments import Segment

if TYPE_CHECKING:
    from read.flow import Flow

WRAP = 1 << 32


class Piece(NamedTuple):
    """What happened in one direction of a connection."""

    kind: str  # "syn", "syn-ack", "ack", "data", "gap", "fin", "rst", "refused"
    number: int  # of the packet
    time: float  # seconds of the story
    data: bytes = b""
    size: int = 0  # gap: bytes that are not in the capture


class Half:
    """One direction of a connection."""

    __slots__ = (
        *("acked", "begin", "finished", "first", "flow", "heap", "key", "next", "origin", "side"),
    )

    def __init__(self, flow: "Flow", side: int, key: bytes) -> None:
        self.flow, self.side, self.key = flow, side, key
        self.first: int | None = None  # sequence number of the SYN
        self.begin: int | None = None  # sequence number of the first byte that was seen
        self.next: int | None = None  # sequence number of the next byte
        self.acked: int | None = None  # the other side has the bytes before this one
        self.heap: list[tuple[int, int, Segment]] | None = None  # what waits: place, number
        self.origin = 0  # sequence number of place 0
        self.finished = False

    def wait(self, segment: Segment) -> None:
        """Keep a segment for later."""
        if not self.heap:
            self.heap, self.origin = [], segment.seq
        place = ahead(segment.seq, self.origin)
        heapq.heappush(self.heap, (place, segment.number, segment))
        self.flow.held += 1

    def top(self) -> Segment | None:
        """Return the first in the stream of those that wait."""
        return self.heap[0][2] if self.heap else None


def ahead(seq: int, origin: int) -> int:
    """Return how many bytes a sequence number is ahead of another, negative if behind."""
    return (seq - origin + WRAP // 2) % WRAP - WRAP // 2
