"""From TCP segments to the bytes of each connection, in order, each with its packet.

    for flow, side, piece in Streams().feed(segment): …

A piece is what happened (SYN, data, a gap, FIN …) with the number of the packet that carried
it. Segments out of order wait for those before them; what was sent twice is given once, and
counted; what the capture lacks is given as a gap. Sequence numbers wrap around (RFC 9293, 3.4).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from read.frames import ACK, FIN, RST, SYN, Segment, endpoint

WRAP = 1 << 32
WAITING = 256  # segments that may wait for a missing one before it is given up
FLOWS = 5_000  # connections followed at a time: a port scan does not fill the memory
CLIENT, SERVER = 0, 1


class Piece(NamedTuple):
    """What happened in one direction of a connection."""

    kind: str  # "syn", "syn-ack", "ack", "data", "gap", "fin", "rst", "refused"
    number: int  # of the packet
    time: int  # nanoseconds since 1970
    data: bytes = b""
    size: int = 0  # gap: bytes that are not in the capture


class Half:
    """One direction of a connection."""

    __slots__ = ("acked", "begin", "finished", "first", "flow", "key", "next", "side", "waiting")

    def __init__(self, flow: "Flow", side: int, key: bytes) -> None:
        self.flow, self.side, self.key = flow, side, key
        self.first: int | None = None  # sequence number of the SYN
        self.begin: int | None = None  # sequence number of the first byte that was seen
        self.next: int | None = None  # sequence number of the next byte
        self.waiting: dict[int, Segment] = {}  # sequence number -> segment that came too early
        self.acked: int | None = None  # the other side has bytes up to here, of which we lack some
        self.finished = False


class Flow:
    """One TCP connection."""

    __slots__ = (
        *("client", "data", "halves", "ignored", "kept", "late", "retransmitted", "server"),
        "state",
    )

    def __init__(self, client: bytes, late: bool) -> None:
        self.client, self.server = endpoint(client)
        self.halves = (Half(self, CLIENT, client), Half(self, SERVER, turned(client)))
        self.late = late  # begun before the capture
        self.state = "open" if late else "syn"
        self.retransmitted = 0  # segments that brought nothing new
        self.ignored = False  # set by the reader: this carries nothing of interest
        self.kept = False  # set by the reader: this is of interest
        self.data: Any = None  # the reader's own


def turned(key: bytes) -> bytes:
    """Return the key of the opposite direction."""
    half = (len(key) - 4) // 2
    return key[half:-4] + key[:half] + key[-2:] + key[-4:-2]


Pieces = list[tuple[Flow, int, Piece]]
NOTHING: Pieces = []


class Streams:
    """All TCP connections of a capture. `ports` are those that servers usually listen on."""

    def __init__(self, ports: frozenset[int] = frozenset()) -> None:
        self.halves: dict[bytes, Half] = {}
        self.ports = ports

    def feed(self, segment: Segment) -> Pieces:
        """Return what this segment brings to the reader, in the order of the stream."""
        number, time, key, seq, ack, flags, payload, cut = segment
        half = self.halves.get(key)
        if half is None or flags & SYN:
            half = self._begin(segment, half)
            if half is None:
                return NOTHING
        flow = half.flow
        if flow.ignored:
            return NOTHING
        peer = flow.halves[1 - half.side]
        usual = seq == half.next and not flags & 7 and not half.waiting and not cut
        if usual and flow.state == "open":
            if peer.waiting:
                peer.acked = ack
            if not payload:
                return NOTHING
            half.next = (seq + len(payload)) % WRAP
            return [(flow, half.side, Piece("data", number, time, payload))]
        return [(half.flow, half.side, piece) for piece in self._slow(half, peer, segment)]

    def end(self) -> Pieces:
        """Return what waited for segments that never came."""
        found = []
        for half in list(self.halves.values()):
            if not half.flow.ignored:
                found += [(half.flow, half.side, piece) for piece in self._give_up(half)]
        return found

    def _begin(self, segment: Segment, half: Half | None) -> Half | None:
        """Return the direction of a segment that begins a connection or is the first seen."""
        flags, key = segment.flags, segment.key
        if half and (half.first == segment.seq or (half.first is None and not half.flow.late)):
            return half  # a repeated SYN, or the SYN-ACK
        if flags & SYN:
            flow = Flow(turned(key) if flags & ACK else key, False)
        elif segment.payload or segment.cut:
            source, target = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
            known = (source in self.ports) - (target in self.ports)
            from_server = known > 0 or (known == 0 and source < target)
            flow = Flow(turned(key) if from_server else key, True)
        else:
            return None
        if len(self.halves) >= 2 * FLOWS:
            self._forget()
        for new in flow.halves:
            self.halves.pop(new.key, None)
            self.halves[new.key] = new
        return self.halves[key]

    def _forget(self) -> None:
        """Drop the oldest connection that carries nothing of interest, else the oldest."""
        flows = (half.flow for half in self.halves.values())
        old = next((flow for flow in flows if flow.ignored or not flow.kept), None)
        for half in (old or next(iter(self.halves.values())).flow).halves:
            self.halves.pop(half.key, None)

    def _slow(self, half: Half, peer: Half, segment: Segment) -> Iterator[Piece]:
        """Give what is not plain data in order: beginnings, ends, early and repeated segments."""
        flow, flags = half.flow, segment.flags
        if flags & RST:
            if flow.state == "closed":
                return
            if flow.state == "syn" and half.side == SERVER:
                yield Piece("refused", segment.number, segment.time)
            else:
                yield from self._give_up(half)
                yield Piece("rst", segment.number, segment.time)
            flow.state = "closed"
            return
        if flags & SYN:
            if half.first == segment.seq:
                flow.retransmitted += 1
                return
            half.first = segment.seq
            half.next = (segment.seq + 1) % WRAP
            if half.side == SERVER:
                flow.state = "syn-ack"
            yield Piece("syn-ack" if half.side == SERVER else "syn", segment.number, segment.time)
            segment = segment._replace(seq=half.next)
        elif flow.state == "syn-ack" and half.side == CLIENT:
            flow.state = "open"
            yield Piece("ack", segment.number, segment.time)
        elif flow.state == "syn":  # the answer to the SYN is not in the capture
            flow.state = "open"
        if half.next is None:
            half.next = segment.seq
        if half.begin is None:
            half.begin = half.next
        if peer.waiting and flags & ACK:
            peer.acked = segment.ack
        if half.acked is not None and half.waiting:
            if _ahead(half.acked, half.next) >= _ahead(self._earliest(half), half.next) > 0:
                yield from self._skip(half)
            half.acked = None
        if segment.payload or segment.cut or flags & FIN:
            yield from self._data(half, segment)
        if len(half.waiting) > WAITING:
            yield from self._skip(half)

    def _data(self, half: Half, segment: Segment) -> Iterator[Piece]:
        """Give the new bytes of a segment and of those that waited for it."""
        ready: Segment | None = segment
        while ready:
            yield from self._one(half, ready)
            ready = None
            if half.waiting:
                early = self._earliest(half)
                if _ahead(early, half.next or 0) <= 0:
                    ready = half.waiting.pop(early)

    @staticmethod
    def _earliest(half: Half) -> int:
        return min(half.waiting, key=lambda seq: _ahead(seq, half.next or 0))

    @staticmethod
    def _one(half: Half, segment: Segment) -> Iterator[Piece]:
        """Give the new bytes of one segment, or let it wait."""
        assert half.next is not None
        ahead = _ahead(segment.seq, half.next)
        size = len(segment.payload) + segment.cut
        if ahead > 0:
            kept = half.waiting.get(segment.seq)
            if kept is None or len(kept.payload) + kept.cut < size or segment.flags & FIN:
                half.waiting[segment.seq] = segment
            else:
                half.flow.retransmitted += 1
            return
        number, time = segment.number, segment.time
        if size + ahead > 0:
            payload = segment.payload[-ahead:]
            if payload:
                yield Piece("data", number, time, payload)
            if segment.cut:
                cut = size + ahead - len(payload)
                yield Piece("gap", number, time, size=cut)
            half.next = (half.next + size + ahead) % WRAP
        elif size and not half.finished:
            half.flow.retransmitted += 1
        if segment.flags & FIN and not half.finished and size + ahead >= 0:
            half.finished = True
            half.next = (half.next + 1) % WRAP
            yield Piece("fin", number, time)

    def _skip(self, half: Half) -> Iterator[Piece]:
        """Give up the bytes before the earliest segment that waits, and go on with it."""
        assert half.next is not None
        early = self._earliest(half)
        segment = half.waiting.pop(early)
        if (lacked := _ahead(early, half.next)) > 0:
            yield Piece("gap", segment.number, segment.time, size=lacked)
            half.next = early
        yield from self._data(half, segment)

    def _give_up(self, half: Half) -> Iterator[Piece]:
        while half.waiting:
            yield from self._skip(half)


def _ahead(seq: int, origin: int) -> int:
    """Return how many bytes a sequence number is ahead of another, negative if behind."""
    return (seq - origin + WRAP // 2) % WRAP - WRAP // 2
