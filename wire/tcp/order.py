"""What waits in a connection until it is in order, how long, and what is given up or left out.

The theory is at the top of connection.py. A clock is the time of the capture in seconds; unlike
the time of packets it never goes back.
"""

from collections.abc import Generator

from tcp.acceptance import OUTSIDE, Doubt, confirmed, ignored, in_order
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
    if (  # it is what comes next, as most are
        segment.seq == sender.next
        and flags & (SYN | RST | ACK) == ACK
        and sender.end is None
        and peer.next is not None
        and -FAR < ahead(segment.ack, peer.next) <= 0
        and state in ("syn-received", "established")
    ):
        if connection.doubts:  # the stream is where it was
            yield from refute(connection)
        yield from connection.deliver(sender, segment)
    elif state == "closed":
        connection.retransmitted += bool(segment.payload)
    elif flags & SYN and segment.seq == sender.syn:
        connection.retransmitted += 1
    elif state == "listen" or (yield from _believed(connection, sender, peer, segment, clock)):
        if state == "listen" and flags & (SYN | ACK) == SYN and sender.side == SERVER:
            connection.turn()
        _acknowledge(peer, segment)
        if in_order(state, sender, peer, segment):
            yield from _deliver(connection, sender, segment)
        else:
            _wait(connection, sender, segment, clock)
            return
    if connection.waiting:
        yield from _advance(connection)


def _believed(
    connection: TCPConnection, sender: Direction, peer: Direction, segment: Segment, clock: float
) -> Generator[tuple[TCPConnection, int, StreamEvent], None, bool]:
    """Tell whether a segment counts, as far as can be told by now."""
    reason, certain = ignored(connection.state, sender, peer, segment)
    if certain:
        yield from leave_out(connection, sender, segment, reason)
        return False
    if not reason:
        if connection.doubts and segment.seq == sender.next:
            yield from refute(connection)
        return True
    if connection.state != "syn-sent" and confirmed(connection.doubts, sender, segment):
        _believe(connection)
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
        yield from refute(connection)
        if connection.waiting:
            yield from _give_up_first(connection)
            yield from _advance(connection)


def refute(connection: TCPConnection) -> Found:
    """Say of all that was doubtful that it does not count."""
    doubts, connection.doubts = connection.doubts, []
    for sender, segment, reason, _ in doubts:
        yield from connection.leave_out(sender, segment, reason)


def leave_out(connection: TCPConnection, sender: Direction, segment: Segment, reason: str) -> Found:
    """Say of a segment that it does not count, and before of all that was doubtful."""
    yield from refute(connection)
    yield from connection.leave_out(sender, segment, reason)


def ends_only(connection: TCPConnection) -> bool:
    """Tell whether what waits carries no data and no SYN: the end of a connection."""
    return not any(
        segment.size or segment.flags & SYN
        for one in connection.directions
        for _, _, _, segment in one.waiting or ()
    )


def _believe(connection: TCPConnection) -> None:
    """Take what was doubtful for what lies behind a gap."""
    doubts, connection.doubts = connection.doubts, []
    for doubt in doubts:
        if doubt.segment.flags & (SYN | RST):
            connection.doubts.append(doubt)
        else:
            _acknowledge(connection.directions[1 - doubt.sender.side], doubt.segment)
            _wait(connection, doubt.sender, doubt.segment, doubt.clock)


def _acknowledge(peer: Direction, segment: Segment) -> None:
    """Note what a segment acknowledges of its peer."""
    if segment.flags & ACK and (peer.acked is None or ahead(segment.ack, peer.acked) > 0):
        peer.acked = segment.ack


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
        for one in connection.directions:
            for stray in one.weed():
                connection.waiting -= 1
                yield from connection.leave_out(one, stray, OUTSIDE)
        connection.begin_late()
    elif sender.next is None:  # the SYN, ACK is not in the capture
        sender.next = segment.seq
    elif ahead(segment.seq, sender.next) > 0:
        if sender.went_on(segment) and _unacknowledged(sender):
            sender.pop()
            connection.waiting -= 1
            yield from connection.leave_out(sender, segment, "the bytes before it never came")
        else:
            yield from connection.gap(sender, segment.seq, segment)
    elif peer.next is None:
        connection.miss_handshake()
    else:
        end, other = segment.ack, peer.top()
        if other and 0 < ahead(other.seq, peer.next) < ahead(end, peer.next):
            end = other.seq
        yield from connection.gap(peer, end, segment)


def _advance(connection: TCPConnection) -> Found:
    """Deliver whatever waits no longer."""
    moved = True
    while moved:
        moved = False
        for sender in connection.directions:
            peer = connection.directions[1 - sender.side]
            while (segment := sender.top()) and in_order(connection.state, sender, peer, segment):
                sender.pop()
                connection.waiting -= 1
                moved = True
                yield from _deliver(connection, sender, segment)
    waiting = [one.oldest() for one in connection.directions if one.waiting]
    connection.since = min(waiting, default=END)


def _deliver(connection: TCPConnection, sender: Direction, segment: Segment) -> Found:
    """Deliver a segment in order, and before an RST all that waits."""
    peer = connection.directions[1 - sender.side]
    if segment.flags & RST:
        if sender.next is not None and ahead(segment.seq, sender.next) < -sender.finished:
            yield from connection.leave_out(sender, segment, OUTSIDE)  # it was passed meanwhile
            return
        yield from _advance(connection)
        yield from give_up(connection, *END)
        if connection.state != "closed":  # by an RST that waited
            yield from connection.reset(sender, segment)
    elif segment.flags & SYN and segment.seq == sender.first:  # one that waited, twice
        connection.retransmitted += 1
    elif segment.flags & SYN and connection.state != "listen":
        reason, _ = ignored(connection.state, sender, peer, segment)  # it may have waited
        deliver = connection.deliver(sender, segment)
        yield from connection.leave_out(sender, segment, reason) if reason else deliver
    else:
        yield from connection.deliver(sender, segment)
