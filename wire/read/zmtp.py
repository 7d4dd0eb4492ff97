"""From the bytes of one direction of a connection to its greeting and its ZMTP frames.

    parser = Parser(); parser.feed(data, packet, time) -> [Greeting | Frame | Skipped, …]

ZMTP 3.0 is RFC 23, 3.1 is RFC 37 (rfc.zeromq.org). A frame is a byte of flags (1 more frames
follow, 2 its size has 8 bytes instead of 1, 4 it is a command), its size and its body. Frames of
ZMTP 2.0 (RFC 15) look the same, those of 1.0 (RFC 13) state the size first. Any bytes may be
fed; of a body only the first KEPT bytes are kept, however long the frame claims to be.
"""

from typing import NamedTuple

MORE, LONG, COMMAND = 1, 2, 4
KEPT = 1 << 20  # bytes of a body
OLD_TYPES = ("PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB")


class Greeting(NamedTuple):
    """The greeting of one side (RFC 23 and 37, "Version Negotiation")."""

    first: int  # packet with its first byte
    last: int  # packet with its last byte: the one that Wireshark shows it in
    time: int  # nanoseconds since 1970, of the last
    version: str
    mechanism: str = ""
    as_server: bool = False
    socket_type: str = ""  # ZMTP 2.0 says it here
    raw: bytes = b""  # as it stood in the stream


class Frame(NamedTuple):
    """One ZMTP frame (RFC 23 and 37, "Framing")."""

    first: int
    last: int
    time: int
    flags: int
    size: int  # bytes of the body as stated
    body: bytes  # the body, or its first KEPT bytes
    missing: int  # bytes of the body that are not in the capture


class Skipped(NamedTuple):
    """Bytes in which no frame begins that could be recognised."""

    last: int
    time: int
    size: int


Item = Greeting | Frame | Skipped
State = str  # "start", "frames", "old" (1.0), "lost" (looks for a frame), "other" (not ZMTP)


class Parser:
    """Reads one direction. With `guess` it looks for frames also where no greeting was seen."""

    def __init__(self, guess: bool = False, begun: bool = True) -> None:
        self.guess = guess
        self.state: State = "start" if begun or not guess else "lost"
        self.begun = begun  # the capture has the beginning of the connection
        self.rest = b""  # the beginning of a greeting or of a frame's header
        self.first = 0  # packet with the first byte of what is under way
        self.flags = self.size = self.left = self.missing = 0  # of the frame under way
        self.body = bytearray()
        self.in_body = False

    def feed(self, data: bytes, packet: int, time: int) -> list[Item]:
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
        if self.state == "start":
            data = self._start(data, packet, time, items)
        if self.state == "lost":
            data = self._find(data, packet, time, items)
        if self.state in ("frames", "old") and data:
            self._frames(data, packet, time, items)
        return items

    def skip(self, size: int, packet: int, time: int) -> list[Item]:
        """Say that `size` bytes are not in the capture; a frame that contains them goes on."""
        if self.in_body and size <= self.left:
            self.left -= size
            self.missing += size
            return [] if self.left else [self._finish(packet, time)]
        known = self.state != "start" or self.guess
        self.state = "lost" if known and self.state != "other" else "other"
        self.rest, self.in_body = b"", False
        return []

    def _finish(self, packet: int, time: int) -> Frame:
        self.in_body = False
        body, self.body = bytes(self.body), bytearray()
        frame = Frame(self.first, packet, time, self.flags, self.size, body, self.missing)
        self.first = packet
        return frame

    def _frames(self, data: bytes, packet: int, time: int, items: list[Item]) -> None:
        """Read frames until the data ends, perhaps in the middle of one."""
        at, end, old, first = 0, len(data), self.state == "old", self.first
        while at < end:
            if old:
                start = at + 9 if data[at] == 255 else at + 1
                if start >= end:
                    break
                size = int.from_bytes(data[at + 1 : start]) if data[at] == 255 else data[at]
                flags, size, start = data[start] & MORE, size - 1, start + 1
                if size < 0:
                    return self._lose(data[at:], packet, time, items)
            else:
                flags = data[at]
                if flags > 6 or flags & 5 == 5:  # reserved bits, or a command with more
                    return self._lose(data[at:], packet, time, items)
                start = at + 9 if flags & LONG else at + 2
                if start > end:
                    break
                size = int.from_bytes(data[at + 1 : start]) if flags & LONG else data[at + 1]
            at = start + size
            if at > end:
                self.flags, self.size, self.left, self.missing = flags, size, at - end, 0
                self.body = bytearray(data[start : start + KEPT])
                self.first, self.in_body = first, True
                return None
            items.append(
                Frame(first, packet, time, flags, size, data[start : start + min(size, KEPT)], 0)
            )
            first = packet
        self.first, self.rest = first, data[at:]
        return None

    def _lose(self, data: bytes, packet: int, time: int, items: list[Item]) -> None:
        self.state = "lost"
        items.append(Skipped(packet, time, len(data)))

    def _start(self, data: bytes, packet: int, time: int, items: list[Item]) -> bytes:
        """Read the greeting, and return what follows it.

        Signature %xFF 8OCTET %x7F, version, and from 3.0 on mechanism (20), as-server, filler.
        A peer of 2.0 sends its revision (1) and the number of its socket type instead, one of
        1.0 begins with its identity: a short frame, almost always an empty one.
        """
        if data[0] == 255 and (len(data) < 10 or data[9] == 127):
            if len(data) < 11 or (data[10] == 1 and len(data) < 12):
                self.rest = data
            elif data[10] == 0:
                items.append(Greeting(self.first, packet, time, "1.0", raw=data[:10]))
                self.state, data = "old", data[10:]
            elif data[10] < 3:
                kind = OLD_TYPES[data[11]] if data[11] < len(OLD_TYPES) else ""
                items.append(
                    Greeting(self.first, packet, time, "2.0", socket_type=kind, raw=data[:12])
                )
                self.state, data = "frames", data[12:]
            elif len(data) < 64:
                self.rest = data
            else:
                version = f"{data[10]}.{data[11]}"
                name = data[12:32].rstrip(b"\0").decode("ascii", "backslashreplace")
                server = data[32] == 1
                items.append(
                    Greeting(self.first, packet, time, version, name, server, raw=data[:64])
                )
                self.state, data = "frames", data[64:]
            if self.rest:
                return b""
            self.first = packet
            return data
        if self.guess and self.begun and (data == b"\1" or data[:2] == b"\1\0"):
            if data == b"\1":
                self.rest = data
                return b""
            items.append(Greeting(self.first, packet, time, "1.0"))
            self.state = "old"
        else:
            self.state = "lost" if self.guess and not self.begun else "other"
        return data

    def _find(self, data: bytes, packet: int, time: int, items: list[Item]) -> bytes:
        """Return the data from the first byte on from which frames follow one another."""
        if data[0] == 255 and data[9:10] == b"\x7f":
            self.state = "start"
            return self._start(data, packet, time, items)
        for at in range(len(data)):
            if data[at] <= 6 and data[at] & 5 != 5 and _chained(data, at):
                if at:
                    items.append(Skipped(packet, time, at))
                    self.first = packet
                self.state = "frames"
                return data[at:]
        items.append(Skipped(packet, time, len(data)))
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
