"""What waits in a connection until it is in order, how long, and what is given up or left out.

The theory is at the top of connection.py. A clock is the time of the capture in seconds; unlike
the time of packets it never goes back.
"""

from collections.abc import Generator

from tcp.acceptance import CLOSED, CORRUPT, NOT_NEXT, Doubt, confirmed, follows, ignored, in_order
from tcp.connection import END, Found, StreamEvent, TCPConnection
from tcp.direction import FAR, SERVER, Direction, ahead
from tcp.segment import ACK, FIN, RST, SYN, Segment

SYN_PACKETS, GAP_PACKETS = 10, 100  # of the capture
SECONDS = 2.0  # more than lies between packets that were captured out of order
RESENT = 120.0  # seconds; TCP waits no longer until it sends again (Linux: TCP_RTO_MAX)
WAITING = 256  # segments
DOUBTS = 16  # doubtful segments that are remembered


def receive(
    connection: TCPConnection, sender: Direction, peer: Direction, segment: Segment, clock: float
) -> Found:
    """Deliver what a segment brings, and what waited for it."""
    flags, state = segment.flags, connection.state
    if state == "listen":
        yield from _before_syn(connection, sender, peer, segment, clock)
    elif not sender.offload and sender.corrupt(segment, peer):
        yield from _leave_out(connection, sender, segment, CORRUPT)
    elif (  # it is what comes next, as most are
        segment.seq == sender.next
        and flags & (SYN | RST | ACK) == ACK
        and sender.end is None
        and peer.next is not None
        and -FAR < ahead(segment.ack, peer.next) <= 0
        and state in ("syn-received", "established")
    ):
        if connection.doubts:  # the stream is where it was
            yield from refute(connection, segment.time)
        yield from connection.deliver(sender, segment)
    elif (  # the answer to the SYN, as it usually is
        flags & (SYN | RST | ACK) == SYN | ACK
        and state == "syn-sent"
        and sender.side == SERVER
        and sender.next is None
        and segment.ack == peer.next
        and not connection.doubts
    ):
        peer.acked = segment.ack
        yield from connection.deliver(sender, segment)
    elif state == "closed":
        if segment.size and sender.passed(segment):
            connection.retransmitted += 1
        elif segment.size:
            yield from connection.leave_out(sender, segment, CLOSED)
    elif flags & SYN and segment.seq == sender.syn:
        connection.retransmitted += 1
    elif (yield from _counts(connection, sender, peer, segment, clock)):
        if flags & ACK and (peer.acked is None or ahead(segment.ack, peer.acked) > 0):
            peer.acked = segment.ack
        if not in_order(state, sender, peer, segment):
            sender.heard(segment)
            _wait(connection, sender, segment, clock)
            return
        yield from _deliver(connection, sender, segment)
    if connection.waiting:
        yield from _advance(connection)
    if connection.doubts:
        yield from _reconsider(connection)


def _before_syn(
    connection: TCPConnection, sender: Direction, peer: Direction, segment: Segment, clock: float
) -> Found:
    """Take a segment while none with a SYN was seen."""
    if segment.flags & (SYN | ACK) != SYN:
        _wait(connection, sender, segment, clock)
        return
    if connection.waiting:
        earlier = [
            (one, entry)
            for one in connection.directions
            for entry in one.waiting or ()
            if entry[3].time < segment.time and not follows(entry[3], segment, one is sender)
        ]
        goes_on = any(entry[3].size for _, entry in earlier)
        if goes_on:  # this SYN is of another, or stray
            yield from _begin_late(connection)
            yield from receive(connection, sender, peer, segment, clock)
            return
        for one, entry in earlier:  # the end of an earlier connection, which was not followed
            one.remove(entry)
            connection.waiting -= 1
    if sender.side == SERVER:
        connection.turn()
    sender.corrupt(segment, peer)
    yield from connection.deliver(sender, segment)


def _counts(
    connection: TCPConnection, sender: Direction, peer: Direction, segment: Segment, clock: float
) -> Generator[tuple[TCPConnection, int, StreamEvent], None, bool]:
    """Tell whether a segment counts, as far as can be told by now."""
    reason, certain = ignored(connection.state, sender, peer, segment)
    if certain:
        yield from _leave_out(connection, sender, segment, reason)
        return False
    if not reason:
        if connection.doubts and sender.next in (None, segment.seq):
            yield from refute(connection, segment.time)
        return True
    if connection.state != "syn-sent" and confirmed(connection.doubts, sender, segment):
        doubts, connection.doubts = connection.doubts, []
        for doubt in doubts:  # it lies behind a gap
            if doubt.segment.flags & (SYN | RST):
                connection.doubts.append(doubt)
            else:
                doubt.sender.heard(doubt.segment)
                _wait(connection, doubt.sender, doubt.segment, doubt.clock)
        return True
    if len(connection.doubts) == DOUBTS:
        yield from refute(connection)
    connection.doubts.append(Doubt(sender, segment, reason, clock))
    return False


def deadline(connection: TCPConnection) -> tuple[int, float]:
    """Return when to give up what is first to go: packet number and time of the capture."""
    number, time = END
    if connection.doubts:
        time = connection.doubts[0].clock + SECONDS
    if connection.waiting:
        packet, clock = connection.since
        if connection.state == "listen":
            number, clock = packet + SYN_PACKETS, clock + SECONDS
        elif _unacknowledged(_first(connection)):
            clock += RESENT
        else:
            number, clock = packet + GAP_PACKETS, clock + SECONDS
        time = min(time, clock)
    return number, time


def give_up(connection: TCPConnection, number: int, clock: float) -> Found:
    """Give up what is overdue at this packet or time, or beyond all bounds."""
    while connection.waiting or connection.doubts:
        due = deadline(connection)
        if number < due[0] and clock < due[1] and connection.waiting <= WAITING:
            return
        yield from _decide(connection)
        if connection.waiting:
            yield from _give_up_first(connection)
            yield from _advance(connection)


def refute(connection: TCPConnection, time: float = END[1]) -> Found:
    """Say of all that was doubtful and came before this time that it does not count."""
    doubts, connection.doubts = connection.doubts, []
    for doubt in doubts:
        if doubt.segment.time < time:
            yield from connection.leave_out(doubt.sender, doubt.segment, doubt.reason)
        else:  # it was captured too early
            connection.doubts.append(doubt)


def _reconsider(connection: TCPConnection) -> Found:
    """Take what was captured too early, once it is in place."""
    doubts, connection.doubts = connection.doubts, []
    for doubt in doubts:
        sender, segment = doubt.sender, doubt.segment
        peer = connection.directions[1 - sender.side]
        if ignored(connection.state, sender, peer, segment)[0]:
            connection.doubts.append(doubt)
        else:
            yield from receive(connection, sender, peer, segment, doubt.clock)


def _decide(connection: TCPConnection) -> Found:
    """Leave out what nothing confirmed, but an RST in the window: bytes before it may be lost."""
    doubts, connection.doubts = connection.doubts, []
    for sender, segment, reason, clock in doubts:
        if reason == NOT_NEXT and sender.reached < segment.number:
            _wait(connection, sender, segment, clock)
        else:
            yield from connection.leave_out(sender, segment, reason)


def _leave_out(
    connection: TCPConnection, sender: Direction, segment: Segment, reason: str
) -> Found:
    """Say of a segment that it does not count, and before of all that was doubtful."""
    yield from refute(connection, segment.time)
    yield from connection.leave_out(sender, segment, reason)


def ends_only(connection: TCPConnection) -> bool:
    """Tell whether what waits carries no data and no SYN: the end of a connection."""
    return not any(
        segment.size or segment.flags & SYN
        for one in connection.directions
        for _, _, _, segment in one.waiting or ()
    )


def _wait(connection: TCPConnection, sender: Direction, segment: Segment, clock: float) -> None:
    """Keep a segment that is out of order; of an open connection no lone acknowledgment."""
    lone = not segment.size and not segment.flags & (SYN | FIN | RST)
    if lone and connection.state == "established":
        return
    sender.wait(segment, clock)
    connection.waiting += 1
    connection.since = min(connection.since, (segment.number, clock))


def _first(connection: TCPConnection) -> Direction:
    """Return the side whose next segment came first, of those that wait."""
    return min((one for one in connection.directions if one.waiting), key=Direction.top_packet)


def _unacknowledged(sender: Direction) -> bool:
    """Tell whether a side waits for bytes of its own that no one has acknowledged."""
    segment = sender.top()
    if sender.next is None or not segment or ahead(segment.seq, sender.next) <= 0:
        return False
    return sender.acked is None or ahead(sender.acked, sender.next) <= 0


def _give_up_first(connection: TCPConnection) -> Found:
    """Go on as if what the first segment waits for did not exist."""
    sender = _first(connection)
    segment, peer = sender.top(), connection.directions[1 - sender.side]
    assert segment
    if connection.state == "listen":
        yield from _begin_late(connection)
    elif sender.next is None:  # the SYN, ACK is not in the capture
        sender.next = segment.seq
    elif ahead(segment.seq, sender.next) > 0:
        if sender.reached > segment.number and _unacknowledged(sender):
            sender.pop()
            connection.waiting -= 1
            connection.unreached += 1
        else:
            yield from connection.gap(sender, segment.seq, segment)
    elif peer.next is None:
        connection.miss_handshake()
    elif reason := ignored(connection.state, sender, peer, segment)[0]:
        sender.pop()
        connection.waiting -= 1
        yield from _leave_out(connection, sender, segment, reason)
    else:
        end, other = segment.ack, peer.top()
        if other and 0 < ahead(other.seq, peer.next) < ahead(end, peer.next):
            end = other.seq
        yield from connection.gap(peer, end, segment)


def _begin_late(connection: TCPConnection) -> Found:
    """Take up a connection whose SYN does not come, with all that waits."""
    starts = [one.start() for one in connection.directions]
    waiting = []
    for one in connection.directions:
        peer = connection.directions[1 - one.side]
        waiting += [(number, clock, one, peer, s) for _, number, clock, s in one.waiting or ()]
        one.waiting = None
    connection.waiting, connection.since = 0, END
    connection.begin_late(starts)
    for _, clock, sender, peer, segment in sorted(waiting, key=lambda entry: entry[0]):
        yield from receive(connection, sender, peer, segment, clock)


def _advance(connection: TCPConnection) -> Found:
    """Deliver whatever waits no longer, in the order of its packets."""
    while sender := _ready(connection):
        segment, peer = sender.pop(), connection.directions[1 - sender.side]
        connection.waiting -= 1
        reason, certain = ignored(connection.state, sender, peer, segment)
        if sender.right and sender.corrupt(segment, peer):
            reason, certain = CORRUPT, True
        if certain or (reason and segment.flags & (SYN | RST)):
            yield from _leave_out(connection, sender, segment, reason)
        else:
            if connection.doubts:
                yield from refute(connection, segment.time)
            yield from _deliver(connection, sender, segment)
    waiting = [one.oldest() for one in connection.directions if one.waiting]
    connection.since = min(waiting, default=END)


def _ready(connection: TCPConnection) -> Direction | None:
    """Return the side whose next segment waits no longer, of both the one that came first."""
    one, other = connection.directions
    found = [
        (sender.top_packet(), sender)
        for sender, peer in ((one, other), (other, one))
        if (segment := sender.top()) and in_order(connection.state, sender, peer, segment)
    ]
    return min(found, key=lambda entry: entry[0])[1] if found else None


def _deliver(connection: TCPConnection, sender: Direction, segment: Segment) -> Found:
    """Deliver a segment in order, and before an RST all that waits."""
    if segment.flags & RST:
        yield from _advance(connection)
        yield from give_up(connection, *END)
        if connection.state != "closed":  # by an RST that waited
            yield from connection.reset(sender, segment)
    elif segment.flags & SYN and segment.seq == sender.first:  # one that waited, twice
        connection.retransmitted += 1
    else:
        yield from connection.deliver(sender, segment)
