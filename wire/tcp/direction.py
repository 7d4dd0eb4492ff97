"""One direction of a TCP connection: how far its stream is, what waits, what was delivered last."""

import heapq

from tcp.segment import ACK, FIN, RST, SYN, Segment

CLIENT, SERVER = 0, 1
WRAP = 1 << 32  # sequence numbers wrap around (RFC 9293, 3.4)
FAR = 1 << 24  # bytes: a window whose scale is not known is no larger
SCALE, MSS = 3, 2  # options of a SYN (RFC 7323, 2; RFC 9293, 3.7.1)
UNSCALED = -1  # its SYN has no such option
USUAL_MSS = 1460  # bytes of payload in a packet, where the SYN is not in the capture
NONE = b"\0\0"  # no checksum was put in
UNSURE = 3  # checksums that are not right, after which they tell nothing
RECENT, LARGE = 16, 4096  # payloads that are kept for comparison; bytes of one kept alone


def ahead(seq: int, origin: int) -> int:
    """Return how many bytes a sequence number is ahead of another, negative if behind."""
    return (seq - origin + WRAP // 2) % WRAP - WRAP // 2


class Direction:
    """One direction of a connection: what one side sends."""

    __slots__ = (
        *("acked", "begin", "end", "finished", "first", "last", "mss", "next", "offload", "origin"),
        *("reached", "recent", "right", "scale", "side", "unsure", "waiting"),
    )
    first: int | None  # sequence number of the SYN
    begin: int | None  # sequence number of the first byte that was seen
    next: int | None  # sequence number of the next byte
    acked: int | None  # the other side has the bytes before this one
    finished: bool
    end: int | None  # sequence number behind the FIN, if one was seen
    last: Segment | None  # that acknowledges most
    reached: int  # number of the last packet that was in order while others waited
    # A heap of what waits: place in the stream, packet number, time of the capture, segment.
    waiting: list[tuple[int, int, float, Segment]] | None
    origin: int  # sequence number of place 0
    recent: list[bytes]  # payloads before the next byte
    # What this side can take.
    scale: int | None  # of its window, or UNSCALED; None: not known
    mss: int
    # Whether its checksums tell anything.
    right: bool  # one of them was
    unsure: int  # so many were not, before
    offload: bool  # they tell nothing

    def __init__(self, side: int) -> None:
        self.side = side
        self.first = self.begin = self.next = self.acked = self.end = self.scale = None
        self.last = self.waiting = None
        self.origin = self.reached = self.unsure = 0
        self.finished = self.right = self.offload = False
        self.recent, self.mss = [], USUAL_MSS

    def wait(self, segment: Segment, clock: float) -> None:
        """Keep a segment that is out of order until its turn comes."""
        if not self.waiting:
            self.waiting, self.origin = [], segment.seq
        place = ahead(segment.seq, self.origin)
        heapq.heappush(self.waiting, (place, segment.number, clock, segment))

    def top(self) -> Segment | None:
        """Return the first in the stream of those that wait."""
        return self.waiting[0][3] if self.waiting else None

    def pop(self) -> Segment:
        """Return the first in the stream of those that wait, which waits no longer."""
        assert self.waiting
        segment = heapq.heappop(self.waiting)[3]
        if not self.waiting:
            self.waiting = None
        return segment

    def remove(self, entry: tuple[int, int, float, Segment]) -> None:
        """Take out one of those that wait."""
        assert self.waiting
        self.waiting.remove(entry)
        heapq.heapify(self.waiting)
        self.waiting = self.waiting or None

    def passed(self, segment: Segment) -> bool:
        """Tell whether all bytes of a segment were delivered already."""
        return self.next is not None and ahead(segment.seq + segment.size, self.next) <= 0

    def top_packet(self) -> int:
        """Return the number of the packet with the first in the stream of those that wait."""
        assert self.waiting
        return self.waiting[0][1]

    def oldest(self) -> tuple[int, float]:
        """Return packet number and time of the capture of what waits longest."""
        assert self.waiting
        return min((number, clock) for _, number, clock, _ in self.waiting)

    def start(self) -> Segment | None:
        """Return with what the stream goes on, of a connection that was begun before the capture.

        That is the first in the stream of those that wait, but for what lies far from the others,
        and an RST or FIN that comes before others. Whether checksums tell anything is seen to.
        """
        kept = sorted(self.waiting or ())
        self.right = any(segment.checksum == "right" for _, _, _, segment in kept)
        while len(kept) > 2 and kept[1][0] - kept[0][0] > FAR:
            kept.pop(0)
        rest = [entry for entry in kept if entry[3].size or not entry[3].flags & (FIN | RST)]
        if self.right:
            rest = [entry for entry in rest if entry[3].checksum != "wrong"] or rest
        return (rest or kept)[0][3] if kept else None

    def heard(self, segment: Segment) -> None:
        """Take what a segment of this side says of what it has, and can take."""
        if self.last is None or ahead(segment.ack, self.last.ack) >= 0:
            self.last = segment

    def forget(self) -> None:
        """Keep nothing of what was sent: the connection is closed."""
        self.last, self.waiting = None, None
        self.recent = []

    @property
    def syn(self) -> int | None:
        """Return the sequence number of its SYN, also if that is not in the capture yet."""
        begin = self.next if self.begin is None else self.begin
        return self.first if self.first is not None or begin is None else (begin - 1) % WRAP

    def trim(self, size: int) -> None:
        """Make room for a payload of this size among those that are kept for comparison."""
        del self.recent[: None if size > LARGE else -RECENT // 2]

    def differs(self, segment: Segment) -> int:
        """Return how many bytes, at least, of a retransmission are not what was delivered.

        Only the bytes that are kept are compared. A keep-alive may carry one byte that means
        nothing (RFC 9293, 3.8.4).
        """
        assert self.next is not None
        behind = ahead(self.next, segment.seq) - (self.end is not None)  # a FIN counts as a byte
        if not self.recent or behind <= 0 or (segment.size, behind) == (1, 1):
            return 0
        kept = b"".join(self.recent)[-behind:]
        again = segment.payload[behind - len(kept) : behind]
        return sum(a != b for a, b in zip(kept, again, strict=False)) if again != kept else 0

    def greet(self, segment: Segment) -> None:
        """Take what a SYN says of what its sender can take."""
        self.first = segment.seq
        options = segment.options
        if SCALE in options:
            self.scale = min(int.from_bytes(options[SCALE]), 14)
        elif segment.header <= len(segment.raw) - segment.at:  # all options were captured
            self.scale = UNSCALED
        self.mss = int.from_bytes(options.get(MSS, b"")) or USUAL_MSS

    def reach(self, peer: "Direction") -> int:
        """Return how many bytes beyond its next one this side may send, as far as is known."""
        last = peer.last
        if last is None or self.scale is None or peer.scale is None or self.next is None:
            return FAR
        both = self.scale != UNSCALED and peer.scale != UNSCALED and not last.flags & SYN
        window = last.window << peer.scale if both else last.window
        return window + (ahead(last.ack, self.next) if last.flags & ACK else 0)

    def beyond(self, seq: int) -> bool:
        """Tell whether a place lies beyond all that waits, and does not follow on it."""
        waiting = self.waiting or ()
        return all(ahead(seq, segment.seq + segment.size) > 1 for _, _, _, segment in waiting)

    def corrupt(self, segment: Segment, peer: "Direction") -> bool:
        """Tell whether the checksum of a segment is wrong, and offload does not explain it.

        It does where no other of this sender is right, and for a segment that is larger than fits
        into a packet: a network card or the kernel has merged it.
        """
        checksum = "offload"
        if self.right or segment.raw[segment.at + 16 : segment.at + 18] != NONE:
            checksum = segment.checksum
        if checksum == "right":
            self.right = True
        elif not self.right:
            self.unsure += 1
            self.offload = self.unsure == UNSURE
        return checksum == "wrong" and self.right and len(segment.payload) <= peer.mss
