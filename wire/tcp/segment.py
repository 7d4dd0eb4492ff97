"""From a packet to its TCP segment, whatever lies under it.

    part = Segments().take(packet)    # None if the packet holds no TCP

TCP over IPv4 over Ethernet, the usual packet, is read here with struct, for speed; any other in
headers.py. Packets that IP cut into fragments are reassembled (RFC 791, 3.2; RFC 8200, 4.5): the
segment is in the packet with the last of them.
"""

import struct
from typing import Literal, NamedTuple

from capture.packet import ETHERNET, LOOP, NULL, RAW, SLL, SLL2, Packet
from tcp.headers import PROTOCOLS, Found, Fragment, unwrap

FIN, SYN, RST, ACK = 1, 2, 4, 16
LINKS = (NULL, ETHERNET, LOOP, SLL, SLL2, *RAW)  # link types that are read
USUAL = struct.Struct("!3sxHxxHxBxx12sIIH")  # from the Ethernet type to the TCP flags
IPV4 = struct.Struct("!8B2H")  # the key of a segment: two addresses, two ports
HEADER = struct.Struct("!4sIIH6x")  # of TCP: ports, sequence and acknowledgment number, flags
PLAIN = b"\x08\x00\x45"  # IPv4, with a header of 20 bytes
ARP, IP6, HOPS, ICMP6 = b"\x08\x06", b"\x86\xdd", b"\0", b"\x3a"
UNWRAPPED = {6, 17, *PROTOCOLS}  # protocols of IP that are, or may hold, TCP
PARTIAL = 64  # fragmented packets that wait for the rest of their fragments
LONGEST = 65535  # bytes of an IP packet that was fragmented
STAMP = b"\1\1\x08\x0a"  # of TCP's options, as it usually stands (RFC 7323, appendix A)
make = tuple.__new__  # makes a NamedTuple in a third of the time
Checksum = Literal["right", "wrong", "offload", "unknown"]


class Segment(NamedTuple):
    """One TCP segment."""

    number: int
    time: float  # seconds of the story
    key: bytes  # both addresses, then both ports, sender first
    seq: int
    ack: int
    flags: int
    payload: bytes
    cut: int  # bytes of the payload that are not in the capture
    raw: bytes  # in which its header lies
    at: int  # where that begins

    @property
    def size(self) -> int:
        """Return the bytes of its payload, captured or not."""
        return len(self.payload) + self.cut

    @property
    def name(self) -> str:
        """Return what it is: "SYN", "FIN", "8 bytes", "8 bytes, FIN", …"""
        if not self.size:
            return self.flag
        return f"{self.size:,} byte{'s' * (self.size != 1)}" + ", FIN" * (self.flags & FIN)

    @property
    def header(self) -> int:
        """Return the bytes of its header, as it states them."""
        return (self.raw[self.at + 12] >> 4) * 4

    @property
    def window(self) -> int:
        """Return how many bytes the sender can take, still to be scaled."""
        return int.from_bytes(self.raw[self.at + 14 : self.at + 16])

    @property
    def options(self) -> dict[int, bytes]:
        """Return the options of its header: kind -> value (RFC 9293, 3.1)."""
        found: dict[int, bytes] = {}
        data = self.raw[self.at + 20 : self.at + self.header]
        at = 0
        while at + 1 < len(data) and data[at] != 0:
            size = 1 if data[at] == 1 else max(2, data[at + 1])
            found[data[at]] = data[at + 2 : at + size]
            at += size
        return found

    @property
    def stamp(self) -> int:
        """Return the two values of TCP's timestamps (RFC 7323, 3.2) as one number, 0 without."""
        at = self.at + 20
        if self.raw[at : at + 4] == STAMP and self.header >= 32:
            return int.from_bytes(self.raw[at + 4 : at + 12])
        return int.from_bytes(self.options.get(8, b""))

    @property
    def checksum(self) -> Checksum:
        """Return what is to be said of its checksum (RFC 9293, 3.1).

        "offload": it is that of the pseudo-header alone, which a network card was still to finish,
        or that the kernel put into a packet that it merged. "unknown": not all of it was captured.
        """
        # One's complement sums of 16 bits are what remains of a division by 65535.
        end = self.at + self.header + len(self.payload)
        data = self.raw[self.at : end]
        size = len(data)
        if self.cut or end > len(self.raw):
            return "unknown"
        addresses = int.from_bytes(self.key[:-4]) + 6
        if (addresses - int.from_bytes(data[16:18])) % 65535 in (0, -size % 65535):
            return "offload"
        total = addresses + size + int.from_bytes(data + bytes(size % 2))
        return "wrong" if total % 65535 else "right"

    @property
    def ends(self) -> tuple[str, str]:
        """Return sender and receiver as "ip:port"."""
        return endpoint(self.key)

    @property
    def acknowledges(self) -> bool:
        """Tell whether its acknowledgement number counts."""
        return self.flags & ACK > 0

    @property
    def flag(self) -> str:
        """Return what a segment without data is to TCP, by its flags; "" if it has data."""
        if self.payload or self.cut:
            return ""
        if self.flags & SYN:
            return "SYN, ACK" if self.flags & ACK else "SYN"
        return "FIN" if self.flags & FIN else "RST" if self.flags & RST else "ACK"


def endpoint(key: bytes) -> tuple[str, str]:
    """Return sender and receiver of a segment's key as "ip:port", IPv6 in brackets."""
    if len(key) == IPV4.size:
        a, b, c, d, e, f, g, h, source, target = IPV4.unpack(key)
        return f"{a}.{b}.{c}.{d}:{source}", f"{e}.{f}.{g}.{h}:{target}"
    from socket import AF_INET6, inet_ntop  # takes a while to import

    source, target = int.from_bytes(key[-4:-2]), int.from_bytes(key[-2:])
    ours, theirs = (inet_ntop(AF_INET6, address) for address in (key[:16], key[16:32]))
    return f"[{ours}]:{source}", f"[{theirs}]:{target}"


class Segments:
    """Reads packets one by one, and reassembles those that IP cut into fragments."""

    def __init__(self) -> None:
        self.partial: dict[tuple[bytes, bytes, int, int], dict[int, Fragment]] = {}
        self.lost = 0  # fragments that were given up, since the others did not come
        self.unread: dict[str, int] = {}  # what may hold TCP and is not unwrapped -> packets

    def take(self, packet: Packet, time: float = 0.0) -> Segment | None:
        """Return the TCP segment that this packet holds or completes, else None.

        `time` is that of the packet, in seconds of the story.
        """
        number, _, link, data, _ = packet
        if link == ETHERNET and len(data) >= 54:
            kind, total, offset, protocol, key, seq, ack, flags = USUAL.unpack_from(data, 12)
            if kind == PLAIN and protocol == 6 and not offset & 0x3FFF and total >= 40:
                start, end, there = 34 + (flags >> 12) * 4, 14 + total, len(data)
                payload, cut = data[start:end], end - max(start, there) if end > there else 0
                fields = (number, time, key, seq, ack, flags & 63, payload, cut, data, 34)
                return make(Segment, fields)
            if kind == PLAIN and protocol not in UNWRAPPED:
                return None
        if link not in LINKS or (link == ETHERNET and _neighbours(data)):
            return None
        return self._unwrap(packet, time)

    def _unwrap(self, packet: Packet, time: float) -> Segment | None:
        """Return the TCP segment in any other packet, or that is complete with its fragment."""
        try:
            found = unwrap(packet)
        except ModuleNotFoundError:
            raise
        except Exception:  # dpkt raises many kinds on damaged headers: such a packet is no TCP
            return None
        if isinstance(found, Found):
            addresses, data, size = found
            if len(data) < HEADER.size:
                return None
            ports, seq, ack, flags = HEADER.unpack_from(data)
            start = (flags >> 12) * 4
            payload, key = data[start:], addresses + ports
            cut = max(0, size - start - len(payload))
            return Segment(packet.number, time, key, seq, ack, flags & 63, payload, cut, data, 0)
        if isinstance(found, str):
            self.unread[found] = self.unread.get(found, 0) + 1
        elif found:
            parts = self.partial.setdefault(found.key, {})
            parts[found.at] = found
            if whole := _joined(parts):
                del self.partial[found.key]
                return self.take(packet._replace(link=RAW[0], data=whole, length=len(whole)), time)
            if len(self.partial) > PARTIAL:
                self.lost += len(self.partial.pop(next(iter(self.partial))))
        return None

    @property
    def fragments(self) -> int:
        """Return how many fragments could not be reassembled."""
        return self.lost + sum(map(len, self.partial.values()))


def segment(packet: Packet, time: float = 0.0) -> Segment | None:
    """Return the TCP segment that a packet holds by itself, None if there is none."""
    return Segments().take(packet, time)


def _neighbours(data: bytes) -> bool:
    """Tell whether a frame of Ethernet only says who is there, as on any bridge: ARP, ICMPv6.

    dpkt would find no TCP in it either; to import it takes as long as to tell a small capture.
    """
    kind, following = data[12:14], data[20:21] if data[20:21] != HOPS else data[54:55]
    return kind == ARP or (kind == IP6 and following == ICMP6)


def _joined(found: dict[int, Fragment]) -> bytes | None:
    """Return the IP packet that these fragments make, None while one is missing.

    Of one that the snap length cut, what is behind the cut is left out; its length says so.
    """
    end, data, whole = 0, b"", True
    while (part := found.get(end)) and part.more and part.size > 0:
        data, whole = data + part.data * whole, whole and len(part.data) == part.size
        end += part.size
    if part is None or part.more or end + part.size > LONGEST:
        return None
    data, end = data + part.data * whole, end + part.size
    source, target, protocol, _ = part.key
    if len(source) == 4:
        head = struct.pack("!BxH4xBBxx", 0x45, 20 + end, 64, protocol)
    else:
        head = struct.pack("!IHBB", 6 << 28, end, protocol, 64)
    return head + source + target + data
