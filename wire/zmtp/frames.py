"""From the bytes of one direction of a connection, behind its greeting, to its ZMTP frames.

    reader = FrameReader(); reader.feed(data, packet, time) -> [Frame | Skipped, …]

ZMTP 3.0 is RFC 23, 3.1 is RFC 37 (rfc.zeromq.org). A frame is a byte of flags (1 more frames
follow, 2 its size has 8 bytes instead of 1, 4 it is a command), its size and its body; how older
versions differ is in legacy.py. What a greeting is, greeting.py decides. Any bytes may be fed; of
a body only the first KEPT bytes are kept, however long the frame claims to be.
"""

from typing import NamedTuple

from zmtp import legacy

make = tuple.__new__  # makes a NamedTuple in a third of the time
MORE, LONG, COMMAND = 1, 2, 4
KEPT = 1 << 20  # bytes of a body
HUGE = 1 << 31  # bytes of a frame that no one sends, if nothing else says that it is one
SEARCHED = 4096  # bytes of a packet among which a frame may begin, where it is not known


class Greeting(NamedTuple):
    """The greeting of one side (RFC 23 and 37, "Version Negotiation")."""

    first: int  # packet with its first byte
    last: int  # packet with its last byte: the one that Wireshark shows it in
    time: float  # seconds of the story, of the last
    version: str
    mechanism: str = ""
    as_server: bool = False
    socket_type: str = ""  # ZMTP 2.0 says it here
    raw: bytes = b""  # as it stood in the stream
    note: str = ""  # what is unusual or missing about it, in words


class Frame(NamedTuple):
    """One ZMTP frame (RFC 23 and 37, "Framing")."""

    first: int
    last: int
    time: float
    flags: int
    size: int  # bytes of the body as stated
    body: bytes  # the body, or its first KEPT bytes
    missing: int  # bytes of the body that are not in the capture
    old: bool = False  # as 1.0 has it: the size, which counts the flags, and then these


class Skipped(NamedTuple):
    """Bytes that are in the capture and cannot be told; the note says why."""

    last: int
    time: float
    size: int
    note: str = "not told: no frame begins there, since what came before is not in the capture"


class Begun(NamedTuple):
    """What a side has begun: a greeting, a ZMTP frame. The rest of it has not come, so far."""

    first: int  # packet with its first byte
    size: int  # bytes of it that were sent: of a frame those of its body, if its header is whole
    whole: int  # bytes that it is to have, 0 where that is not known yet
    missing: int = 0  # bytes among them that are not in the capture
    flags: int | None = None  # of a frame, if its header is whole
    greeting: Greeting | None = None  # what came of it, of a greeting


Item = Greeting | Frame | Skipped
State = str  # "start", "frames", "lost" (looks for a frame), "other" (not ZMTP)
FOREIGN = "not told: these are no ZMTP frames"
USUAL = legacy.framing("")


class FrameReader:
    """Reads one direction, from the state that its greeting has put it into."""

    __slots__ = (
        *("body", "broken", "first", "flags", "highest", "in_body", "left", "missing", "old"),
        *("rest", "size", "state", "whole"),
    )

    def __init__(self) -> None:
        self.state: State = "start"  # its greeting is not decided yet
        self.old, self.highest = USUAL  # frames of 1.0; the highest flags of a frame
        self.whole = True  # no byte is missing so far
        self.broken = False  # behind a frame there was none, though no byte is missing there
        self.rest = b""  # the beginning of a frame's header
        self.first = 0  # packet with the first byte of what is under way
        self.flags = self.size = self.left = self.missing = 0  # of the frame under way
        self.body: bytearray | bytes = b""
        self.in_body = False

    def begin(self, state: State, version: str = "") -> None:
        """Go on in this state; `version`: an older one, whose frames differ."""
        self.state = state
        if version:
            self.old, self.highest = legacy.framing(version)

    def feed(self, data: bytes, packet: int, time: float) -> list[Item]:
        """Return what is complete with this data, which came in this packet."""
        items: list[Item] = []
        if self.in_body:
            taken = min(self.left, len(data))
            self.body += data[: min(taken, KEPT - len(self.body))]
            self.left -= taken
            if self.left:
                return items
            items.append(self._finish(packet, time))
            if taken == len(data):
                return items
            data = data[taken:]
        if self.rest:
            data = self.rest + data
        else:
            self.first = packet
        self.rest = b""
        if self.state == "lost":
            data = self._find(data, packet, time, items)
        if self.state == "frames" and data:
            self._frames(data, packet, time, items)
        return items

    def skip(self, size: int, packet: int, time: float) -> list[Item]:
        """Say that `size` bytes are not in the capture; a frame that contains them goes on."""
        if self.in_body and size <= self.left:
            self.left -= size
            self.missing += size
            return [] if self.left else [self._finish(packet, time)]
        lost = self.left if self.in_body else 0
        items: list[Item] = []
        if self.in_body:  # it ends in what is missing
            self.missing += lost
            items.append(self._finish(packet, time))
        self.whole = False
        self.state = "other" if self.state == "other" else "lost"
        self.rest = b""
        return items

    @property
    def reads(self) -> bool:
        """Tell whether all that came reads as frames, but for what precedes the first."""
        huge = self.in_body and self.size > HUGE
        return self.state in ("start", "frames") and not self.broken and not huge

    def begun(self) -> Begun | None:
        """Return the frame of which a part came, if there is one."""
        if self.in_body:
            sent = self.size - self.left
            return Begun(self.first, sent, self.size, self.missing, self.flags)
        return Begun(self.first, len(self.rest), 0) if self.rest else None

    def _finish(self, packet: int, time: float) -> Frame:
        self.in_body = False
        body, self.body = bytes(self.body), b""
        first, self.first = self.first, packet
        fields = (first, packet, time, self.flags, self.size, body, self.missing, self.old)
        return make(Frame, fields)

    def _frames(self, data: bytes, packet: int, time: float, items: list[Item]) -> None:
        """Read frames until the data ends, perhaps in the middle of one."""
        at, end, old, first = 0, len(data), self.old, self.first
        while at < end:
            if old:
                found = legacy.header(data, at)
                if found is None:
                    break
                flags, size, start = found
                if size < 0:
                    return self._lose(data[at:], packet, time, items)
            else:
                flags = data[at]
                if flags > self.highest or flags & 5 == 5:  # reserved, or a command with more
                    return self._lose(data[at:], packet, time, items)
                start = at + 9 if flags & LONG else at + 2
                if start > end:
                    break
                size = data[at + 1] if start == at + 2 else int.from_bytes(data[at + 1 : start])
            at = start + size
            if at > end:
                self.flags, self.size, self.left, self.missing = flags, size, at - end, 0
                self.body = bytearray(data[start : start + KEPT])
                self.first, self.in_body = first, True
                return None
            body = data[start:at] if size <= KEPT else data[start : start + KEPT]
            items.append(make(Frame, (first, packet, time, flags, size, body, 0, old)))
            first = packet
        self.first, self.rest = first, data[at:]
        return None

    def _lose(self, data: bytes, packet: int, time: float, items: list[Item]) -> None:
        self.state, self.broken = "lost", True
        items.append(Skipped(packet, time, len(data), *[FOREIGN] * self.whole))

    def _find(self, data: bytes, packet: int, time: float, items: list[Item]) -> bytes:
        """Return the data from the first byte on from which frames follow one another."""
        for at in range(min(len(data), SEARCHED)):
            if data[at] <= 6 and data[at] & 5 != 5 and _chained(data, at):
                if at:
                    items.append(Skipped(packet, time, at))
                    self.first = packet
                self.state, self.old = "frames", False
                return data[at:]
        if legacy.chained(data):
            self.begin("frames", "1.0")
            return data
        items.append(Skipped(packet, time, len(data), *[FOREIGN] * self.whole))
        return b""


def _chained(data: bytes, at: int) -> bool:
    """Tell whether frames follow one another from here to the end, or at least eight.

    From within a segment it takes two frames, and one of them with a body, since a lone 0 0
    at the end of anything else would do.
    """
    count = filled = 0
    begin = at
    while at < len(data):
        flags = data[at]
        start = at + 9 if flags & LONG else at + 2
        if flags > 6 or flags & 5 == 5 or start > len(data):
            return False
        size = int.from_bytes(data[at + 1 : start])
        if start + size > len(data):
            return count >= 3 and filled > 0
        at, count, filled = start + size, count + 1, filled + (size > 0)
        if count == 8:
            return filled > 0
    return filled > 0 and (begin == 0 or count > 1)
