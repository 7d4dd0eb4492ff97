"""What the receiver of a segment ignores, as far as one who looks on can tell.

A segment is judged as its receiver does: RFC 9293, 3.10.7, and RFC 5961, which is stricter with
SYN, RST and old acknowledgments. But a capture may lack packets, and then what looks like a
segment from nowhere is one behind a gap. So what lies far ahead is doubtful until another segment
decides: one that goes on where the stream was refutes it; one of the other side that agrees, or
two more of its own, confirm it.
"""

from typing import Literal, NamedTuple

from tcp.direction import CLIENT, FAR, SERVER, WRAP, Direction, ahead
from tcp.segment import ACK, FIN, RST, SYN, Segment

State = Literal["listen", "syn-sent", "syn-received", "established", "closed"]
OPEN = "the connection is open"
OUTSIDE = "outside the window"
NOT_NEXT = "not at the next byte"
UNSENT = "it acknowledges what was not sent"
PAST = "it acknowledges what is long past"
CORRUPT = "its checksum is wrong"
CLOSED = "the connection is closed"
BEHIND_FIN = "behind the FIN of its side"
OTHER = "it does not answer the SYN"


class Doubt(NamedTuple):
    """A segment that the receiver may have ignored."""

    sender: Direction
    segment: Segment
    reason: str
    clock: float  # when it came: seconds of the capture


def in_order(state: State, sender: Direction, peer: Direction, segment: Segment) -> bool:
    """Tell whether all is there that was sent before a segment."""
    flags = segment.flags
    if flags & (SYN | ACK) == SYN:
        return True
    if state == "listen":
        return False
    if flags & RST and (state == "syn-sent" or sender.next is None):
        return sender.side == CLIENT or peer.next is not None
    if sender.next is None:
        if state != "established" or flags & SYN:
            return bool(flags & SYN)
        sender.next = segment.seq  # the first of the second direction
    if ahead(segment.seq, sender.next) > 0:
        return False
    if not flags & ACK or flags & (SYN | RST):
        return True
    if peer.next is None:
        return state == "established"
    return ahead(segment.ack, peer.next) <= 0


def follows(segment: Segment, syn: Segment, own: bool) -> bool:
    """Tell whether a segment that came before a SYN belongs behind it; `own`: of the same side."""
    if segment.flags & SYN:
        return True
    place = ahead(segment.seq if own else segment.ack, syn.seq)
    return 0 < place < FAR and (own or segment.acknowledges)


def ignored(state: State, sender: Direction, peer: Direction, segment: Segment) -> tuple[str, bool]:
    """Return why the receiver ignores a segment, and whether that is certain; "" if it does not."""
    flags = segment.flags
    if state == "syn-sent":
        return _of_syn_sent(sender, peer, segment)
    if flags & SYN:
        missed = sender.side == SERVER and sender.first is None and peer.first is not None
        if missed and flags & ACK and ahead(segment.ack, peer.first or 0) == 1:
            return "", False  # its SYN, ACK, which had been given up
        return OPEN, False
    if sender.next is None:
        return "", False
    distance = ahead(segment.seq, sender.next)
    if distance > 0 and distance >= sender.reach(peer) and sender.beyond(segment.seq):
        return OUTSIDE, False
    if flags & RST:
        if distance > 0:
            return NOT_NEXT, False
        # Linux takes one from before a FIN, too: tcp_reset_check().
        return ("", False) if distance >= -sender.finished else (OUTSIDE, True)
    if flags & ACK and peer.next is not None:
        claimed = ahead(segment.ack, peer.next)
        lone = not segment.size and not flags & FIN  # nothing is delivered of it
        if claimed > (FAR if lone else max(peer.reach(sender), 0)) and peer.beyond(segment.ack):
            return UNSENT, False
        if claimed < -FAR:
            return PAST, True
    if sender.end is not None and segment.size and distance + segment.size > 0:
        return BEHIND_FIN, True
    if flags & FIN and not sender.finished and distance + segment.size < 0:
        return OUTSIDE, True
    return "", False


def _of_syn_sent(sender: Direction, peer: Direction, segment: Segment) -> tuple[str, bool]:
    """Judge a segment that comes after the SYN and before its answer."""
    flags, seq, ack = segment.flags, segment.seq, segment.ack
    if sender.side == CLIENT:
        if flags & SYN:
            return OTHER, False
        fits = sender.first is None or 0 < ahead(seq, sender.first) < FAR
        if flags & RST and sender.next is not None:
            fits = seq == sender.next
    elif flags & (SYN | RST):
        sent = (
            peer.first is None
            or peer.next is None
            or (0 < ahead(ack, peer.first) <= ahead(peer.next, peer.first))
        )
        fits = bool(flags & ACK) and sent
    else:
        fits = not flags & ACK or peer.first is None or 0 < ahead(ack, peer.first) < FAR
    return ("", False) if fits else (OTHER, False)


def confirmed(doubts: list[Doubt], sender: Direction, segment: Segment) -> bool:
    """Tell whether earlier doubtful segments agree with this one: there is a gap before all."""
    chain = 0
    if segment.flags & (SYN | RST):
        return False
    for other in doubts:
        if other.segment.flags & (SYN | RST):
            continue
        if other.sender is sender:
            chain += 0 < ahead(segment.seq, other.segment.seq) < FAR
        elif _agree(segment, other.segment):
            return True
    return chain > 1


def _agree(one: Segment, other: Segment) -> bool:
    """Tell whether two segments of opposite sides are of the same moment of a connection."""
    if not one.flags & other.flags & ACK:
        return False
    return abs(ahead(one.seq, other.ack)) < FAR and abs(ahead(other.seq, one.ack)) < FAR


def successor(
    state: State, doubts: list[Doubt], sender: Direction, peer: Direction, segment: Segment
) -> list[Segment]:
    """Return the segments with which a new connection of the same ports begins, the last included.

    That is a SYN that was doubtful, and is answered; or, where the SYN was from nowhere, what is of
    a connection that was begun before. They are doubtful no more.
    """
    flags = segment.flags
    for other in doubts:
        syn = other.segment
        if not syn.flags & SYN:
            continue
        after = (syn.seq + 1) % WRAP
        if other.sender is sender:
            found = [syn, segment]
            follows = not flags & SYN and segment.seq == after != sender.next
        elif syn.flags & ACK:
            found = [segment, syn]
            follows = flags & (SYN | ACK) == SYN and syn.ack == (segment.seq + 1) % WRAP
        else:
            found = [syn, segment]
            follows = bool(flags & ACK and flags & (SYN | RST)) and segment.ack == after
        if follows:
            doubts.remove(other)
            return found
    if state == "syn-sent" and ignored(state, sender, peer, segment)[0]:
        if confirmed(doubts, sender, segment):
            found = [other.segment for other in doubts if not other.segment.flags & SYN]
            doubts.clear()
            return [*found, segment]
    return []
