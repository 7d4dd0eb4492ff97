"""One TCP connection: its segments in the order of the stream, though captured in any other.

A capture may hold an answer before its question, above all one of several interfaces. So a
segment waits for the bytes before it, and for those that it acknowledges: they were sent before
it. What never comes is given up by distance or at the end, and is a gap. Sequence numbers wrap
around (RFC 9293, 3.4).
"""

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

from tcp.segment import ACK, FIN, RST, SYN, Segment, endpoint

WRAP = 1 << 32
FAR = 1 << 24  # bytes: an RST that is so far from the stream has a made-up sequence number
WAITING = 256  # segments that wait for one that was not even acknowledged
CLIENT, SERVER = 0, 1
NEVER = 1 << 63  # a packet that does not come


class StreamEvent(NamedTuple):
    """What happened in one direction of a connection."""

    kind: str  # "syn", "syn-ack", "ack", "data", "gap", "fin", "rst", "refused"
    number: int  # of the packet
    time: float  # seconds of the story
    data: bytes = b""
    size: int = 0  # gap: bytes that are not in the capture


class Direction:
    """One direction of a connection."""

    __slots__ = (
        *(
            "acked",
            "begin",
            "finished",
            "first",
            "connection",
            "heap",
            "key",
            "next",
            "origin",
            "side",
        ),
    )

    def __init__(self, connection: "TCPConnection", side: int, key: bytes) -> None:
        self.connection, self.side, self.key = connection, side, key
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
        self.connection.held += 1

    def top(self) -> Segment | None:
        """Return the first in the stream of those that wait."""
        return self.heap[0][2] if self.heap else None


def ahead(seq: int, origin: int) -> int:
    """Return how many bytes a sequence number is ahead of another, negative if behind."""
    return (seq - origin + WRAP // 2) % WRAP - WRAP // 2


Said = Iterator[tuple["TCPConnection", int, StreamEvent]]


class TCPConnection:
    """One TCP connection. While it is "unborn", segments wait for the SYN before them."""

    __slots__ = (
        *("armed", "client_key", "data", "halves", "held", "ignored", "late", "rank"),
        *("retransmitted", "state"),
    )

    def __init__(self, client: bytes) -> None:
        self.client_key = client
        self.halves = (Direction(self, CLIENT, client), Direction(self, SERVER, turned(client)))
        self.late = False  # begun before the capture
        self.state = "unborn"  # then "syn", "syn-ack", "open", "closed"
        self.held = 0  # segments that wait
        self.armed = False  # will be looked at again
        self.retransmitted = 0  # segments that brought nothing new
        self.ignored = False  # this carries nothing of interest
        self.rank = 0  # in the table of all
        self.data: Any = None  # the reader's own

    @property
    def client(self) -> str:
        """Return "ip:port" of the side that connected."""
        return endpoint(self.client_key)[0]

    @property
    def server(self) -> str:
        """Return "ip:port" of the other side."""
        return endpoint(self.client_key)[1]

    def oldest(self) -> int:
        """Return the lowest number of a packet that waits."""
        return min(entry[1] for half in self.halves for entry in half.heap or ())

    def take(self, half: Direction, segment: Segment) -> Said:
        """Give what this segment brings, and what waited for it."""
        flags, peer = segment.flags, self.halves[1 - half.side]
        if self.state == "closed":
            self.retransmitted += bool(segment.payload)
            return
        if flags & SYN and half.first == segment.seq:
            self.retransmitted += 1
            return
        if flags & ACK and (peer.acked is None or ahead(segment.ack, peer.acked) > 0):
            peer.acked = segment.ack
        if flags & (SYN | ACK) == SYN and self.state == "unborn":
            if half.side == SERVER:
                self._turn()
            self.state = "syn"
        if self.held or not self._ready(half, segment):
            if self.state == "open" and not (segment.payload or segment.cut or flags & 7):
                return
            half.wait(segment)
            yield from self._advance()
        else:
            yield from self._give(half, segment)

    def give_up(self, number: int, distance: int) -> Said:
        """Give up what packets wait for that lie so far before this one, or beyond all bounds."""
        while self.held and (number - self.oldest() >= distance or self.held > WAITING):
            half = min((h for h in self.halves if h.heap), key=lambda h: h.heap[0][1])  # type: ignore[index]
            segment = half.top()
            assert segment
            peer = self.halves[1 - half.side]
            if self.state == "unborn":
                self._late()
            elif half.next is None:  # the SYN, ACK is not in the capture
                half.next = segment.seq
            elif ahead(segment.seq, half.next) > 0:
                acked = half.acked is not None and ahead(half.acked, half.next) > 0
                if not acked and distance and self.held <= WAITING:
                    return  # it may yet be sent again
                yield from self._gap(half, segment.seq, segment)
            elif peer.next is None:
                self.state = "open" if self.state in ("syn", "syn-ack") else self.state
            else:
                end, other = segment.ack, peer.top()
                if other and 0 < ahead(other.seq, peer.next) < ahead(end, peer.next):
                    end = other.seq
                yield from self._gap(peer, end, segment)
            yield from self._advance()

    def _late(self) -> None:
        """Take up a connection whose SYN does not come."""
        tops = [half.top() for half in self.halves]
        if (first := tops[CLIENT]) and first.flags & SYN:  # the SYN, ACK: of the server
            self._turn()
            tops.reverse()
        self.late = not any(top and top.flags & SYN for top in tops)
        self.state = "open" if self.late else "syn"
        for half, top in zip(self.halves, tops, strict=True):
            if top and not top.flags & SYN:
                half.next = top.seq

    def _turn(self) -> None:
        """Make the server the client: the SYN came late, and says which is which."""
        client, server = self.halves[1], self.halves[0]
        client.side, server.side = CLIENT, SERVER
        self.halves, self.client_key = (client, server), client.key

    def _ready(self, half: Direction, segment: Segment) -> bool:
        """Tell whether all is there that was sent before a segment."""
        flags, peer = segment.flags, self.halves[1 - half.side]
        if flags & (SYN | ACK) == SYN:
            return True
        if self.state == "unborn":
            return False
        if flags & RST and (self.state == "syn" or half.next is None):
            return half.side == CLIENT or self.halves[0].next is not None
        if half.next is None:
            if self.state != "open" or flags & SYN:
                return bool(flags & SYN)
            half.next = segment.seq  # the first of the second direction
        distance = ahead(segment.seq, half.next)
        if distance > 0 and not (flags & RST and distance > FAR):
            return False
        if not flags & ACK or flags & (SYN | RST):
            return True
        if peer.next is None:
            return self.state == "open"
        return ahead(segment.ack, peer.next) <= 0

    def _advance(self) -> Said:
        """Give whatever waits no longer."""
        moved = True
        while moved:
            moved = False
            for half in self.halves:
                while half.heap and self._ready(half, half.heap[0][2]):
                    segment = heapq.heappop(half.heap)[2]
                    self.held -= 1
                    moved = True
                    yield from self._give(half, segment)
                if not half.heap:
                    half.heap = None

    def _gap(self, half: Direction, end: int, segment: Segment) -> Said:
        """Go on behind bytes that are not in the capture."""
        assert half.next is not None
        size = ahead(end, half.next)
        half.next = end
        if size == 1 and not segment.payload:
            half.finished = True  # a FIN counts as a byte, and no one sends a lone byte
        elif size > 0:
            yield self, half.side, StreamEvent("gap", segment.number, segment.time, size=size)

    def _give(self, half: Direction, segment: Segment) -> Said:
        """Give the new bytes of a segment, and what its flags say."""
        number, time, _, seq, _, flags, payload, cut = segment
        side = half.side
        if self.state == "closed":
            return
        if flags & RST:
            yield from self.give_up(NEVER, 0)
            refused = self.state == "syn" and side == SERVER
            self.state = "closed"
            yield self, side, StreamEvent("refused" if refused else "rst", number, time)
            return
        if flags & SYN:
            half.first = seq
            seq = half.next = (seq + 1) % WRAP
            if side == SERVER:
                self.state = "syn-ack"
            yield self, side, StreamEvent("syn-ack" if side == SERVER else "syn", number, time)
        elif self.state == "syn-ack" and side == CLIENT:
            self.state = "open"
            yield self, side, StreamEvent("ack", number, time)
        elif self.state == "syn":  # the answer to the SYN is not in the capture
            self.state = "open"
        assert half.next is not None
        if half.begin is None:
            half.begin = half.next
        size, behind = len(payload) + cut, ahead(half.next, seq)
        if size > behind:
            if new := payload[behind:]:
                yield self, side, StreamEvent("data", number, time, new)
            if cut:
                yield self, side, StreamEvent("gap", number, time, size=size - behind - len(new))
            half.next = (half.next + size - behind) % WRAP
        elif size and not half.finished:
            self.retransmitted += 1
        if flags & FIN and not half.finished and size >= behind:
            half.finished = True
            half.next = (half.next + 1) % WRAP
            yield self, side, StreamEvent("fin", number, time)
            if self.halves[1 - side].finished:
                self.state = "closed"


def turned(key: bytes) -> bytes:
    """Return the key of the opposite direction."""
    half = (len(key) - 4) // 2
    return key[half:-4] + key[:half] + key[-2:] + key[-4:-2]
