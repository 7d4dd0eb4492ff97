"""Builds packets, captures and ZMTP bytes for the tests of wire/, with code of its own."""

import io
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import dpkt  # type: ignore[import-untyped]

from capture.files import packets
from capture.packet import Packet
from story.model import Connection
from story.story import Story

CAPTURES = Path(__file__).parents[1] / "captures"
CLIENT, SERVER = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 5555)
SYN, ACK, FIN, RST, PUSH = 2, 16, 1, 4, 8
GREETING_2 = b"\xff" + bytes(8) + b"\x7f\x01"  # of ZMTP 2.0, up to its socket type
Side = tuple[bytes, int]


def tcp(
    source: Side, target: Side, seq: int, ack: int, flags: int, payload: bytes = b""
) -> dpkt.ip.IP:
    """Return an IPv4 packet with a TCP segment."""
    segment = dpkt.tcp.TCP(
        sport=source[1], dport=target[1], seq=seq % 2**32, ack=ack % 2**32, flags=flags
    )
    segment.data = payload
    return dpkt.ip.IP(src=source[0], dst=target[0], p=6, data=segment, len=40 + len(payload))


def ethernet(packet: dpkt.Packet, kind: int = 0x0800) -> bytes:
    """Return a frame of Ethernet."""
    return bytes(12) + struct.pack("!H", kind) + bytes(packet)


def ip4(protocol: int, body: bytes, length: int | None = None) -> bytes:
    """Return an IPv4 packet; `length`: what its header states."""
    packet = dpkt.ip.IP(src=bytes((10, 1, 0, 1)), dst=bytes((10, 1, 0, 2)), p=protocol, data=body)
    packet.len = 20 + len(body) if length is None else length
    return bytes(packet.pack_hdr()) + body


def ip6(protocol: int, body: bytes, length: int | None = None) -> bytes:
    """Return an IPv6 packet; `length`: what its header states."""
    stated = len(body) if length is None else length
    head = struct.pack("!IHBB", 6 << 28, stated, protocol, 64)
    return head + b"\xfe\x80" + bytes(13) + b"\1" + b"\xfe\x80" + bytes(13) + b"\2" + body


def udp(port: int, body: bytes) -> bytes:
    """Return an IPv4 packet with a UDP datagram to a port."""
    return ip4(17, struct.pack("!HHHH", 50000, port, 8 + len(body), 0) + body)


def pcap(
    packets: Iterable[bytes],
    link: int = 1,
    order: str = "<",
    nano: bool = False,
    snap: int = 262144,
    times: Sequence[float] = (),
    start: int = 1,
    step: int = 0,
) -> bytes:
    """Return a capture file, of which no packet has more bytes than `snap`.

    The first packet comes `start` seconds after 1970, the others each so many `times` in seconds
    after that, or else each `step` units of the clock after the one before it, a millisecond if
    that is 0.
    """
    units = 1_000_000_000 if nano else 1_000_000
    step = step or units // 1000
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for number, data in enumerate(packets):
        after = round(times[number] * 1_000_000) * (units // 1_000_000) if times else number * step
        seconds, fraction = divmod(after, units)
        kept = data[:snap]
        out.append(struct.pack(order + "IIII", start + seconds, fraction, len(kept), len(data)))
        out.append(kept)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Return a block of a pcapng file."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """Return an option of such a block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", size: int = -1) -> bytes:
    """Return the block that begins a section, of so many bytes if that is known."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, size), order)


def interface(link: int = 1, options: bytes = b"", order: str = "<", snap: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def enhanced(
    data: bytes, which: int = 0, time: int = 0, options: bytes = b"", order: str = "<"
) -> bytes:
    """Return the block of a packet, at a time in units of the clock of its interface."""
    high, low = divmod(time, 1 << 32)
    head = struct.pack(order + "IIIII", which, high, low, len(data), len(data))
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def statistics(which: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(5, struct.pack(order + "III", which, 0, 0) + options, order)


def pcapng(
    interfaces: list[tuple[int, int, int | None]],
    packets: Iterable[tuple[int, int, bytes]],
    order: str = "<",
) -> bytes:
    """Return a pcapng file: interfaces are link type, resolution, offset in seconds."""
    parts = [section(order)]
    for link, resolution, offset in interfaces:
        options = option(9, bytes((resolution,)), order)
        if offset is not None:
            options += option(14, struct.pack(order + "q", offset), order)
        parts.append(interface(link, options + bytes(4), order))
    parts.append(statistics(order=order))  # to be passed over
    parts += [enhanced(data, which, time, order=order) for which, time, data in packets]
    return b"".join(parts) + block(3, struct.pack(order + "I", 60) + bytes(60), order)


def stream(data: bytes) -> io.BufferedReader:
    """Return data as an open file."""
    return io.BufferedReader(io.BytesIO(data))


def read(capture: bytes) -> list[Packet]:
    return list(packets(io.BytesIO(capture)))


def told(capture: bytes, each: bool = False) -> Story:
    """Return the story of a capture."""
    story = Story(each=each)
    for record in read(capture):
        story.feed(record)
    story.end()
    return story


def frame(body: bytes, flags: int = 0) -> bytes:
    """Return a ZMTP 3 frame."""
    if len(body) > 255:
        return bytes((flags | 2,)) + len(body).to_bytes(8) + body
    return bytes((flags, len(body))) + body


def greeting(mechanism: bytes = b"NULL", minor: int = 1) -> bytes:
    return (
        b"\xff" + bytes(8) + b"\x7f\x03" + bytes((minor,)) + mechanism.ljust(20, b"\0") + bytes(32)
    )


def command(name: bytes, data: bytes = b"") -> bytes:
    return frame(bytes((len(name),)) + name + data, 4)


def ready(kind: bytes, identity: bytes = b"") -> bytes:
    data = b"\x0bSocket-Type" + len(kind).to_bytes(4) + kind
    return command(b"READY", data + b"\x08Identity" + len(identity).to_bytes(4) + identity)


class Talk:
    """A TCP connection, written packet by packet as Ethernet frames."""

    def __init__(self, client: Side = CLIENT, server: Side = SERVER, first: int = 1000):
        self.sides = (client, server)
        self.next = [first, first + 7777]
        self.packets: list[bytes] = []

    def add(self, side: int, flags: int, payload: bytes = b"", skip: bool = False) -> bytes:
        """Add a segment from the client (0) or the server (1); `skip`: the capture lacks it."""
        packet = tcp(
            self.sides[side],
            self.sides[1 - side],
            self.next[side],
            self.next[1 - side] if flags & ACK else 0,
            flags,
            payload,
        )
        self.next[side] += len(payload) + bool(flags & (SYN | FIN))
        if not skip:
            self.packets.append(ethernet(packet))
        return ethernet(packet)

    def open(self) -> "Talk":
        self.add(0, SYN)
        self.add(1, SYN | ACK)
        self.add(0, ACK)
        return self

    def say(self, side: int, *payloads: bytes) -> "Talk":
        for payload in payloads:
            self.add(side, ACK | PUSH, payload)
        return self

    def shake(self, client: bytes = b"REQ", server: bytes = b"REP") -> "Talk":
        """Open, and exchange greetings and READYs: packets 1 to 7."""
        self.open()
        self.say(0, greeting()).say(1, greeting())
        return self.say(0, ready(client)).say(1, ready(server))

    def close(self) -> "Talk":
        self.add(0, FIN | ACK)
        self.add(1, FIN | ACK)
        self.add(0, ACK)
        return self

    @property
    def capture(self) -> bytes:
        return pcap(self.packets)


def questions(number: int) -> bytes:
    """A capture of one REQ-REP connection: so many questions, and the answer to each."""
    talk = Talk().shake()
    for at in range(number):
        talk.say(0, frame(b"", 1) + frame(b"question %d" % at))
        talk.say(1, frame(b"", 1) + frame(b"answer %d" % at))
    return talk.capture


def missing(connection: Connection) -> int:
    """Return how many bytes of a connection are told as not in its capture."""
    return sum(event.size for event in connection.events if event.note == "not in the capture")
