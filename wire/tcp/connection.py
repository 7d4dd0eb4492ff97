"""One TCP connection: the stream of each side, reassembled from segments of any order.

**What waits** (order.py). A capture may hold an answer before its question, above all one of
several interfaces. So a segment that is out of order waits: for the SYN of its connection, while
none was seen; for the bytes before it; and for those that it acknowledges, since they were sent
before it. What was delivered already is a retransmission: it is counted, and said where its bytes
are others.

**What is given up.** The first of those that wait has its time. It is over, by the packets of the
capture or by their clock, whichever is first:

    for the SYN                       after 10 packets or 2 seconds
    for bytes that were acknowledged  after 100 packets or 2 seconds
    for bytes that were not           after 120 seconds: until then TCP may send them again

and also if more than 256 segments wait, and at the end of the capture. What was given up is a gap.

**What does not count** (acceptance.py). A segment from nowhere is left out, as its receiver does,
and that is said: an RST outside the window, a stray SYN, data far ahead, a wrong checksum.

**States.** They are those of RFC 9293, 3.3.2, as one who looks on knows them. TRANSITIONS says
what leads from one to the next, and _move alone takes the step. That one side has closed is not a
state here, but Direction.finished.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from tcp.acceptance import Doubt, State
from tcp.direction import CLIENT, SERVER, WRAP, Direction, ahead
from tcp.segment import FIN, RST, SYN, Segment, endpoint

make = tuple.__new__  # makes a NamedTuple in a third of the time
END = (1 << 63, float("inf"))  # of the capture: packet number and time

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
    "closed": {},
}
EventKind = Literal[
    "syn", "syn-ack", "ack", "data", "gap", "fin", "rst", "refused", "ignored", "differs"
]


class StreamEvent(NamedTuple):
    """What happened in one direction of a connection."""

    kind: EventKind
    packet: int  # its number
    time: float  # seconds of the story
    data: bytes = b""
    size: int = 0  # gap: bytes that are not in the capture; differs: bytes that are others
    note: str = ""  # ignored: what, and why


# Of what connection, which side sent it (CLIENT or SERVER), what.
Found = Iterator[tuple["TCPConnection", int, StreamEvent]]


class TCPConnection:
    """One TCP connection: delivers segments in order, whatever else order.py does with them."""

    __slots__ = (
        *("armed", "client_key", "data", "directions", "doubts", "ignored", "late", "quick"),
        *("rank", "retransmitted", "since", "state", "unreached", "waiting"),
    )

    def __init__(self, client: bytes) -> None:
        self.client_key = client
        self.directions = (Direction(CLIENT), Direction(SERVER))
        self.state: State = "listen"
        self.late = False  # begun before the capture
        self.retransmitted = 0  # segments that brought nothing new
        self.unreached = 0  # segments ahead of bytes that never came, while their side went on
        self.data: Any = None  # the reader's own
        # What order.py keeps.
        self.waiting = 0  # segments that are out of order
        self.since = END  # packet number and time of the oldest of them
        self.doubts: list[Doubt] = []
        # What the Assembler keeps.
        self.armed = END  # when it will be looked at again
        self.ignored = False  # this carries nothing of interest
        self.quick = False  # established, and nothing waits
        self.rank = 0  # in the table of all

    @property
    def client(self) -> str:
        """Return "ip:port" of the side that connected."""
        return endpoint(self.client_key)[0]

    @property
    def server(self) -> str:
        """Return "ip:port" of the other side."""
        return endpoint(self.client_key)[1]

    def evict(self) -> None:
        """Follow it no more: nothing of it is delivered from now on."""
        self._move("evicted")

    def turn(self) -> None:
        """Make the server the client: a SYN says which is which."""
        server, client = self.directions
        client.side, server.side = CLIENT, SERVER
        self.directions, self.client_key = (client, server), turned(self.client_key)

    def begin_late(self, starts: list[Segment | None]) -> None:
        """Take up a connection whose SYN does not come, with the first segment of each side."""
        if (first := starts[CLIENT]) and first.flags & SYN:  # the SYN, ACK: of the server
            self.turn()
            starts = starts[::-1]
        self.late = not any(start and start.flags & SYN for start in starts)
        self._move("no SYN" if self.late else "SYN, ACK")
        for one, start in zip(self.directions, starts, strict=True):
            if start and not start.flags & SYN:
                one.next = start.seq

    def miss_handshake(self) -> None:
        """Go on without the rest of the handshake, which is not in the capture."""
        if self.state in ("syn-sent", "syn-received"):
            self._move("ACK")

    def leave_out(self, sender: Direction, segment: Segment, reason: str) -> Found:
        """Say that a segment does not count."""
        note = f"{segment.name}: {reason}"
        yield self, sender.side, StreamEvent("ignored", segment.number, segment.time, note=note)

    def gap(self, sender: Direction, end: int, segment: Segment) -> Found:
        """Go on behind bytes that are not in the capture, at `end`, because of a segment."""
        assert sender.next is not None
        size = ahead(end, sender.next)
        sender.next = end
        sender.recent.clear()
        if size == 1 and not segment.payload:
            sender.finished = True  # a FIN counts as a byte, and no one sends a lone byte
        elif size > 0:
            event = StreamEvent("gap", segment.number, segment.time, size=size)
            yield self, sender.side, event

    def deliver(self, sender: Direction, segment: Segment) -> Found:
        """Yield the new bytes of a segment in order, and what its flags say, but for an RST."""
        number, time, _, seq, _, flags, payload, cut, _, _ = segment
        side = sender.side
        sender.reached = number
        if sender.last is None or ahead(segment.ack, sender.last.ack) >= 0:
            sender.last = segment
        if flags & SYN:
            sender.greet(segment)
            seq = sender.next = (seq + 1) % WRAP
            self._move("SYN, ACK" if side == SERVER else "SYN")
            kind = "syn-ack" if side == SERVER else "syn"
            yield self, side, make(StreamEvent, (kind, number, time, b"", 0, ""))
        elif self.state == "syn-received" and side == CLIENT:
            self._move("ACK")
            yield self, side, make(StreamEvent, ("ack", number, time, b"", 0, ""))
        elif self.state == "syn-sent":  # the answer to the SYN is not in the capture
            self._move("ACK")
        assert sender.next is not None
        if sender.begin is None:
            sender.begin = sender.next
        size, behind = len(payload) + cut, ahead(sender.next, seq)
        if behind > 0 and (others := sender.differs(segment)):
            yield self, side, StreamEvent("differs", number, time, size=others)
        if size > behind:
            if new := payload[behind:]:
                sender.trim(len(new))
                sender.recent.append(new)
                yield self, side, make(StreamEvent, ("data", number, time, new, 0, ""))
            if cut:
                sender.recent.clear()
                yield self, side, StreamEvent("gap", number, time, size=size - behind - len(new))
            sender.next = (sender.next + size - behind) % WRAP
        elif size and not sender.finished:
            self.retransmitted += 1
        if flags & FIN and not sender.finished and size >= behind:
            sender.finished = True
            sender.end = sender.next = (sender.next + 1) % WRAP
            yield self, side, make(StreamEvent, ("fin", number, time, b"", 0, ""))
            if self.directions[1 - side].finished:
                self._close("FIN")

    def reset(self, sender: Direction, segment: Segment) -> Found:
        """Close the connection by an RST."""
        side = sender.side
        kind: EventKind = "refused" if self.state == "syn-sent" and side == SERVER else "rst"
        self._close("RST")
        yield self, side, StreamEvent(kind, segment.number, segment.time)

    def _close(self, cause: Cause) -> None:
        """Close the connection; what still waits is not reached any more."""
        for one in self.directions:
            while one.waiting:
                segment = one.pop()
                ends = segment.flags & (FIN | RST)
                self.unreached += bool(segment.size or ends) and not one.passed(segment)
        self._move(cause)

    def _move(self, cause: Cause) -> None:
        """Go to the next state: this is the only place that sets one."""
        self.state = TRANSITIONS[self.state][cause]
        if self.state == "closed":
            self.waiting, self.since = 0, END
            for one in self.directions:
                one.forget()


def turned(key: bytes) -> bytes:
    """Return the key of the opposite direction."""
    half = (len(key) - 4) // 2
    return key[half:-4] + key[:half] + key[-2:] + key[-4:-2]
