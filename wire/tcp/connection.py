"""One TCP connection: its segments in the order of the stream, though captured out of order.

A capture may hold an answer before its question, above all one of several interfaces. So a
segment waits: for the SYN of its connection, while none was seen; for the bytes before it; and
for those that it acknowledges, since they were sent before it. A retransmission brings nothing
new and is counted.

What never comes is given up: the SYN once LATE packets of the capture have passed since the
first segment that waits, bytes that were acknowledged once AWAY packets have. Bytes that no one
has acknowledged may yet be sent again: they are given up if more than WAITING segments wait for
them, or at the end of the capture. Bytes that were given up are a gap.

The states are those of RFC 9293, 3.3.2, as one who listens to both sides knows them: TRANSITIONS
says what leads from one to the next, and _move alone takes the step. Whether one side has closed
is not a state here, but Direction.finished.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from tcp.direction import CLIENT, SERVER, WRAP, Direction, ahead
from tcp.segment import ACK, FIN, RST, SYN, Segment, endpoint

LATE = 10  # packets of the capture in which the SYN of a connection may still come
AWAY = 100  # packets in which what was acknowledged may still come
WAITING = 256  # segments that wait for one that was not even acknowledged
FAR = 1 << 24  # bytes: an RST that is so far from the stream has a made-up sequence number
NEVER = 1 << 63  # a packet that does not come

State = Literal["listen", "syn-sent", "syn-received", "established", "closed"]
Cause = Literal["SYN", "SYN, ACK", "ACK", "no SYN", "RST", "FIN", "evicted"]
TRANSITIONS: dict[State, dict[Cause, State]] = {
    # Segments wait: the SYN before them may still come.
    "listen": {
        "SYN": "syn-sent",
        "SYN, ACK": "syn-sent",  # it waits, and the SYN before it was given up
        "no SYN": "established",  # begun before the capture
        "evicted": "closed",
    },
    # The client has asked.
    "syn-sent": {
        "SYN, ACK": "syn-received",
        "ACK": "established",  # or data: the SYN, ACK is not in the capture
        "RST": "closed",  # the server refuses, or the client gives up
        "FIN": "closed",
        "evicted": "closed",
    },
    # The server has accepted.
    "syn-received": {
        "ACK": "established",
        "RST": "closed",
        "FIN": "closed",
        "evicted": "closed",
    },
    "established": {
        "SYN, ACK": "syn-received",  # it had been given up
        "RST": "closed",
        "FIN": "closed",  # of the second side
        "evicted": "closed",
    },
    "closed": {"evicted": "closed"},
}
EventKind = Literal["syn", "syn-ack", "ack", "data", "gap", "fin", "rst", "refused"]


class StreamEvent(NamedTuple):
    """What happened in one direction of a connection."""

    kind: EventKind
    packet: int  # its number
    time: float  # seconds of the story
    data: bytes = b""
    size: int = 0  # gap: bytes that are not in the capture


Found = Iterator[tuple["TCPConnection", int, StreamEvent]]  # int: CLIENT or SERVER sent it


class TCPConnection:
    """One TCP connection."""

    __slots__ = (
        *("armed", "client_key", "data", "directions", "ignored", "late", "rank"),
        *("retransmitted", "state", "waiting"),
    )

    def __init__(self, client: bytes) -> None:
        self.client_key = client
        self.directions = (Direction(CLIENT), Direction(SERVER))
        self.late = False  # begun before the capture
        self.state: State = "listen"
        self.waiting = 0  # segments
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
        return min(entry[1] for one in self.directions for entry in one.waiting or ())

    def _closed(self) -> bool:
        return self.state == "closed"

    def ends_only(self) -> bool:
        """Tell whether what waits carries no data and no SYN: the end of a connection."""
        return not any(
            segment.payload or segment.cut or segment.flags & SYN
            for one in self.directions
            for _, _, segment in one.waiting or ()
        )

    def evict(self) -> None:
        """Follow it no more: nothing of it is delivered from now on."""
        self.waiting = 0
        self._move("evicted")

    def receive(self, sender: Direction, segment: Segment) -> Found:
        """Deliver what this segment brings, and what waited for it."""
        flags, peer = segment.flags, self.directions[1 - sender.side]
        if self.state == "closed":
            self.retransmitted += bool(segment.payload)
            return
        if flags & SYN and sender.first == segment.seq:
            self.retransmitted += 1
            return
        if flags & ACK and (peer.acked is None or ahead(segment.ack, peer.acked) > 0):
            peer.acked = segment.ack
        if flags & (SYN | ACK) == SYN and self.state == "listen":
            if sender.side == SERVER:
                self._turn()
            self._move("SYN")
        if self.waiting or not self._in_order(sender, segment):
            if self.state == "established" and not (segment.payload or segment.cut or flags & 7):
                return
            sender.wait(segment)
            self.waiting += 1
            yield from self._advance()
        else:
            yield from self._deliver(sender, segment)

    def give_up(self, number: int, distance: int) -> Found:
        """Give up what packets wait for that lie so far before this one, or beyond all bounds."""
        while self.waiting and (number - self.oldest() >= distance or self.waiting > WAITING):
            sender = min((one for one in self.directions if one.waiting), key=_first_packet)
            segment = sender.top()
            assert segment
            peer = self.directions[1 - sender.side]
            if self.state == "listen":
                self._begin_late()
            elif sender.next is None:  # the SYN, ACK is not in the capture
                sender.next = segment.seq
            elif ahead(segment.seq, sender.next) > 0:
                acked = sender.acked is not None and ahead(sender.acked, sender.next) > 0
                if not acked and distance and self.waiting <= WAITING:
                    return  # it may yet be sent again
                yield from self._gap(sender, segment.seq, segment)
            elif peer.next is None:
                if self.state in ("syn-sent", "syn-received"):
                    self._move("ACK")
            else:
                end, other = segment.ack, peer.top()
                if other and 0 < ahead(other.seq, peer.next) < ahead(end, peer.next):
                    end = other.seq
                yield from self._gap(peer, end, segment)
            yield from self._advance()

    def _move(self, cause: Cause) -> None:
        """Go to the next state: this is the only place that sets one."""
        self.state = TRANSITIONS[self.state][cause]

    def _begin_late(self) -> None:
        """Take up a connection whose SYN does not come."""
        tops = [one.top() for one in self.directions]
        if (first := tops[CLIENT]) and first.flags & SYN:  # the SYN, ACK: of the server
            self._turn()
            tops.reverse()
        self.late = not any(top and top.flags & SYN for top in tops)
        self._move("no SYN" if self.late else "SYN, ACK")
        for one, top in zip(self.directions, tops, strict=True):
            if top and not top.flags & SYN:
                one.next = top.seq

    def _turn(self) -> None:
        """Make the server the client: the SYN came late, and says which is which."""
        server, client = self.directions
        client.side, server.side = CLIENT, SERVER
        self.directions, self.client_key = (client, server), turned(self.client_key)

    def _in_order(self, sender: Direction, segment: Segment) -> bool:
        """Tell whether all is there that was sent before a segment."""
        flags, peer = segment.flags, self.directions[1 - sender.side]
        if flags & (SYN | ACK) == SYN:
            return True
        if self.state == "listen":
            return False
        if flags & RST and (self.state == "syn-sent" or sender.next is None):
            return sender.side == CLIENT or self.directions[CLIENT].next is not None
        if sender.next is None:
            if self.state != "established" or flags & SYN:
                return bool(flags & SYN)
            sender.next = segment.seq  # the first of the second direction
        distance = ahead(segment.seq, sender.next)
        if distance > 0 and not (flags & RST and distance > FAR):
            return False
        if not flags & ACK or flags & (SYN | RST):
            return True
        if peer.next is None:
            return self.state == "established"
        return ahead(segment.ack, peer.next) <= 0

    def _advance(self) -> Found:
        """Deliver whatever waits no longer."""
        moved = True
        while moved:
            moved = False
            for sender in self.directions:
                while (segment := sender.top()) and self._in_order(sender, segment):
                    sender.pop()
                    self.waiting -= 1
                    moved = True
                    yield from self._deliver(sender, segment)

    def _gap(self, sender: Direction, end: int, segment: Segment) -> Found:
        """Go on behind bytes that are not in the capture."""
        assert sender.next is not None
        size = ahead(end, sender.next)
        sender.next = end
        if size == 1 and not segment.payload:
            sender.finished = True  # a FIN counts as a byte, and no one sends a lone byte
        elif size > 0:
            gap = StreamEvent("gap", segment.number, segment.time, size=size)
            yield self, sender.side, gap

    def _deliver(self, sender: Direction, segment: Segment) -> Found:
        """Yield the new bytes of a segment, and what its flags say."""
        number, time, _, seq, _, flags, payload, cut, _ = segment
        side = sender.side
        if self._closed():
            return
        if flags & SYN and sender.first == seq:  # one of those that waited, twice
            self.retransmitted += 1
            return
        if flags & RST:
            yield from self.give_up(NEVER, 0)
            if self._closed():  # an RST that waited came first
                return
            refused = self.state == "syn-sent" and side == SERVER
            self._move("RST")
            yield self, side, StreamEvent("refused" if refused else "rst", number, time)
            return
        if flags & SYN:
            sender.first = seq
            seq = sender.next = (seq + 1) % WRAP
            if side == SERVER:
                self._move("SYN, ACK")
            yield self, side, StreamEvent("syn-ack" if side == SERVER else "syn", number, time)
        elif self.state == "syn-received" and side == CLIENT:
            self._move("ACK")
            yield self, side, StreamEvent("ack", number, time)
        elif self.state == "syn-sent":  # the answer to the SYN is not in the capture
            self._move("ACK")
        assert sender.next is not None
        if sender.begin is None:
            sender.begin = sender.next
        size, behind = len(payload) + cut, ahead(sender.next, seq)
        if size > behind:
            if new := payload[behind:]:
                yield self, side, StreamEvent("data", number, time, new)
            if cut:
                yield self, side, StreamEvent("gap", number, time, size=size - behind - len(new))
            sender.next = (sender.next + size - behind) % WRAP
        elif size and not sender.finished:
            self.retransmitted += 1
        if flags & FIN and not sender.finished and size >= behind:
            sender.finished = True
            sender.next = (sender.next + 1) % WRAP
            yield self, side, StreamEvent("fin", number, time)
            if self.directions[1 - side].finished:
                self._move("FIN")


def _first_packet(sender: Direction) -> int:
    """Return the number of the packet that is the first in the stream of those that wait."""
    assert sender.waiting
    return sender.waiting[0][1]


def turned(key: bytes) -> bytes:
    """Return the key of the opposite direction."""
    half = (len(key) - 4) // 2
    return key[half:-4] + key[:half] + key[-2:] + key[-4:-2]
