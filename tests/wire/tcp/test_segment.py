"""What lies under TCP: every link, tunnel and length gives the same segment, or it is named."""

import struct
import subprocess
import sys
from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.packet import Packet
from command import HELLO, WORLD
from output.text import losses, story_lines
from story.model import Connection
from story.story import Story
from tcp.headers import unwrap
from tcp.segment import Segment, Segments, segment
from wire_packets import (
    ACK,
    CLIENT,
    PUSH,
    SERVER,
    SYN,
    Talk,
    ethernet,
    frame,
    greeting,
    ip4,
    ip6,
    pcap,
    read,
    ready,
    tcp,
    told,
    udp,
)

PROGRAM = Path(__file__).parents[3] / "wire/wirezmq.py"
ETHERNET, RAW, SLL, SLL2, NULL = 1, 101, 113, 276, 0
WHOLE = tcp(CLIENT, SERVER, 9, 0, ACK, b"Hello")
PLAIN, TCP = bytes(WHOLE), bytes(WHOLE.data)
SIX = ip6(6, TCP)
VLAN = b"\x81\x00\x00\x05\x08\x00"  # a tag of VLAN 5, before IPv4
SNAP = b"\xaa\xaa\x03\0\0\0\x08\x00"
JUMBO = b"\x06\x00\xc2\x04"  # hop-by-hop options before TCP: the length of what follows IPv6


def sll(kind: int, body: bytes) -> bytes:
    return bytes(14) + struct.pack("!H", kind) + body


def vxlan(port: int, inner: bytes) -> bytes:
    return udp(port, bytes((8, 0, 0, 0, 0, 0, 42, 0)) + inner)


def geneve(kind: int, inner: bytes, options: bytes = b"") -> bytes:
    return udp(6081, struct.pack("!BxHI", len(options) // 4, kind, 42 << 8) + options + inner)


def gre(kind: int, inner: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    return ip4(47, struct.pack("!HH", flags, kind) + fields + inner)


def pppoe(kind: int, inner: bytes) -> bytes:
    head = struct.pack("!BBHHH", 0x11, 0, 7, 2 + len(inner), kind)
    return ethernet(head + inner, 0x8864)


UNWRAPPED = {
    "GRE": (ETHERNET, ethernet(gre(0x0800, PLAIN))),
    "GRE with a key and a number": (ETHERNET, ethernet(gre(0x0800, PLAIN, 0x3000, bytes(8)))),
    "GRE with a checksum": (ETHERNET, ethernet(gre(0x0800, PLAIN, 0x8000, bytes(4)))),
    "GRE with IPv6": (RAW, gre(0x86DD, SIX)),
    "GRE with Ethernet": (ETHERNET, ethernet(gre(0x6558, ethernet(PLAIN)))),
    "PPTP": (ETHERNET, ethernet(gre(0x880B, b"\xff\x03\0\x21" + PLAIN, 0x2001, bytes(4)))),
    "IPIP": (ETHERNET, ethernet(ip4(4, PLAIN))),
    "IPIP in IPv6": (ETHERNET, ethernet(ip6(4, PLAIN), 0x86DD)),
    "6in4": (ETHERNET, ethernet(ip4(41, SIX))),
    "6in6": (ETHERNET, ethernet(ip6(41, SIX), 0x86DD)),
    "AH": (ETHERNET, ethernet(ip4(51, b"\x06\x04" + bytes(22) + TCP))),
    "PPPoE": (ETHERNET, pppoe(0x0021, PLAIN)),
    "PPPoE with IPv6": (ETHERNET, pppoe(0x0057, SIX)),
    "PPPoE in a VLAN": (ETHERNET, bytes(12) + b"\x81\x00\x00\x05" + pppoe(0x0021, PLAIN)[12:]),
    "Geneve": (ETHERNET, ethernet(geneve(0x6558, ethernet(PLAIN)))),
    "Geneve with options": (ETHERNET, ethernet(geneve(0x6558, ethernet(PLAIN), bytes(12)))),
    "Geneve with IP": (ETHERNET, ethernet(geneve(0x0800, PLAIN))),
    "VXLAN as Linux has it": (ETHERNET, ethernet(vxlan(8472, ethernet(PLAIN)))),
    "VXLAN in VXLAN": (ETHERNET, ethernet(vxlan(8472, ethernet(vxlan(4789, ethernet(PLAIN)))))),
    "LLC/SNAP": (ETHERNET, bytes(12) + struct.pack("!H", 8 + len(PLAIN)) + SNAP + PLAIN),
    "LLC/SNAP in SLL": (SLL, sll(4, SNAP + PLAIN)),
    "VLAN in SLL": (SLL, sll(0x8100, VLAN[2:] + PLAIN)),
    "QinQ in SLL": (SLL, sll(0x88A8, b"\0\7" + VLAN + PLAIN)),
    "VLAN in SLL2": (SLL2, b"\x81\x00" + bytes(18) + VLAN[2:] + PLAIN),
    "three tags": (ETHERNET, bytes(12) + b"\x88\xa8\0\7\x81\0\0\6" + VLAN + PLAIN),
    "MPLS": (ETHERNET, ethernet(b"\0\1\1\x40" + PLAIN, 0x8847)),
}


def take(link: int, data: bytes, length: int = 0) -> Segment | None:
    return Segments().take(Packet(7, 0, link, data, length or len(data)))


@pytest.mark.parametrize("name", UNWRAPPED)
def test_it_is_unwrapped(name: str) -> None:
    link, data = UNWRAPPED[name]
    found = take(link, data)
    assert found
    assert (found.seq, found.flags, found.payload, found.cut) == (9, ACK, b"Hello", 0)
    assert found.key[-4:] == struct.pack("!HH", CLIENT[1], SERVER[1])


@pytest.mark.parametrize("name", [name for name in UNWRAPPED if not name.startswith("LLC")])
def test_unwrapped_from_a_packet_cut_by_the_snap_length(name: str) -> None:
    link, data = UNWRAPPED[name]
    found = take(link, data[:-3], len(data))
    assert found
    assert (found.payload, found.cut) == (b"He", 3)


# A packet that the network card has still to cut states no length (TSO), nor does one of more
# than 64 KB (BIG TCP); in IPv6 its hop-by-hop options may.
ZERO = PLAIN[:2] + bytes(2) + PLAIN[4:]
STATED = JUMBO + struct.pack("!I", 8 + len(TCP)) + TCP
LENGTH_0 = {
    "IPv4": (ETHERNET, ethernet(ZERO)),
    "IPv4 with options": (ETHERNET, ethernet(b"\x46" + ZERO[1:20] + bytes(4) + ZERO[20:])),
    "IPv4 in a VLAN": (ETHERNET, bytes(12) + VLAN + ZERO),
    "IPv4 in SLL": (SLL, sll(0x0800, ZERO)),
    "IPv4 in SLL2": (SLL2, b"\x08\x00" + bytes(18) + ZERO),
    "IPv4 on loopback": (NULL, b"\2\0\0\0" + ZERO),
    "raw IPv4": (RAW, ZERO),
    "IPv4 in VXLAN": (ETHERNET, ethernet(vxlan(4789, ethernet(ZERO)))),
    "IPv6": (ETHERNET, ethernet(ip6(6, TCP, 0), 0x86DD)),
    "IPv6, jumbo": (ETHERNET, ethernet(ip6(0, STATED, 0), 0x86DD)),
    "IPv6, jumbo, in SLL": (SLL, sll(0x86DD, ip6(0, STATED, 0))),
    "raw IPv6": (RAW, ip6(6, TCP, 0)),
    "raw IPv6, jumbo": (RAW, ip6(0, STATED, 0)),
}


@pytest.mark.parametrize("name", LENGTH_0)
def test_a_length_of_0_reaches_to_the_end(name: str) -> None:
    link, data = LENGTH_0[name]
    found = take(link, data)
    assert found and (found.payload, found.cut) == (b"Hello", 0)
    found = take(link, data[:-3], len(data))
    assert found and (found.payload, found.cut) == (b"He", 3)


def test_a_jumbo_length_leaves_out_padding() -> None:
    found = take(ETHERNET, ethernet(ip6(0, STATED, 0), 0x86DD) + bytes(9))
    assert found and (found.payload, found.cut) == (b"Hello", 0)


NAMED = {
    "GRE": ethernet(gre(0x88BE, bytes(50))),
    "ESP (IPsec)": ethernet(ip4(50, bytes(range(60)))),
    "L2TP": ethernet(udp(1701, bytes(60))),
    "GTP": ethernet(udp(2152, bytes(60))),
    "MACsec": ethernet(bytes(range(60)), 0x88E5),
    "EtherIP": ethernet(ip4(97, b"\x30\0" + ethernet(PLAIN))),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_unwrapped_is_named(name: str) -> None:
    found = told(pcap([NAMED[name]] * 26))
    assert f"26 packets are {name}, which is not unwrapped" in losses(found.losses)


def test_what_is_no_tunnel_is_not_named() -> None:
    arp = ethernet(bytes(28), 0x0806)
    spanning_tree = bytes(12) + b"\0\x26\x42\x42\x03" + bytes(60)
    control = pppoe(0xC021, bytes(8))
    found = told(pcap([arp, spanning_tree, control, ethernet(udp(53, bytes(30)))]))
    assert list(losses(found.losses)) == []


def test_a_link_that_is_not_read_is_said_as_before() -> None:
    story = Story()
    for packet in read(pcap([PLAIN], link=147)):
        story.feed(packet)
    assert list(losses(story.losses)) == ["1 packet is of link type 147, which cannot be read"]


def test_without_dpkt_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "dpkt.py").write_text("raise ModuleNotFoundError('no', name='dpkt')")
    (tmp_path / "x.pcap").write_bytes(pcap([UNWRAPPED["GRE"][1]]))
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "x.pcap"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("wirezmq.py: the capture: this needs dpkt: pip install it")
    assert done.stderr.count("\n") == 1


def cut(packets: list[bytes], snap: int) -> list[Packet]:
    records = read(pcap(packets))
    return [record._replace(data=record.data[:snap]) for record in records]


def off_the_ports(records: list[Packet]) -> Connection:
    found = Story(ports={})
    for record in records:
        found.feed(record)
    found.end()
    (connection,) = found.connections
    return connection


def test_a_short_snap_length_leaves_the_greeting() -> None:
    talk = Talk().open().say(0, greeting()[:10]).say(1, greeting()[:11])
    talk.say(0, greeting()[10:]).say(1, greeting()[11:]).say(0, ready(b"REQ")).say(1, ready(b"REP"))
    connection = off_the_ports(cut(talk.say(0, HELLO).say(1, WORLD).packets, 84))
    assert (connection.version, connection.mechanism) == ("3.1", "NULL")
    assert connection.pattern == "REQ-REP"
    notes = {event.kind: event.note for event in connection.events if event.note}
    assert notes["greeting"] == "23 of its 64 bytes are not in the capture"
    assert [event.text for event in connection.events[-2:]] == ["Hello", "World"]


def fragments(packet: bytes, size: int, order: list[int]) -> list[bytes]:
    """Cut the IP packet of an Ethernet frame into fragments."""
    whole = dpkt.ip.IP(packet[14:])
    body = bytes(whole.data)
    made = []
    for at in range(0, len(body), size):
        part = dpkt.ip.IP(src=whole.src, dst=whole.dst, p=6, id=77)
        part.offset, part.mf = at // 8, at + size < len(body)
        part.data = body[at : at + size]
        part.len = 20 + len(part.data)
        made.append(ethernet(part))
    return [made[index] for index in order]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_fragments_of_ip_are_put_together(order: list[int]) -> None:
    talk = Talk().shake()
    long = talk.add(0, ACK | PUSH, frame(b"", 1) + frame(b"y" * 50), skip=True)
    talk.packets += fragments(long, 32, order)
    found = told(talk.say(1, WORLD).capture)
    (connection,) = found.connections
    request = next(event for event in connection.events if event.kind == "request")
    assert (request.text, request.packet, found.segments.fragments) == ("y" * 50, 10, 0)
    assert connection.events[-1].text == "World"


def test_a_fragment_that_is_missing_is_said() -> None:
    talk = Talk().shake()
    long = talk.add(0, ACK | PUSH, frame(b"", 1) + frame(b"y" * 50), skip=True)
    talk.packets += fragments(long, 32, [0, 2])
    lines = list(story_lines("x", told(talk.say(1, WORLD).capture)))
    assert "2 packets are fragments whose other parts are not there" in lines
    assert any("54 bytes (not in the capture)" in line for line in lines)


@given(st.binary(max_size=200), st.sampled_from((0, 1, 101, 108, 113, 276, 147)))
def test_no_packet_makes_the_headers_raise(data: bytes, link: int) -> None:
    whole = ethernet(tcp(CLIENT, SERVER, 1, 0, SYN))
    for packet in data, whole[:14] + data, whole[:34] + data, whole[: len(data)]:
        segment(Packet(1, 0, link, packet, len(packet)))


def over_vxlan(inner: bytes) -> bytes:
    outer = dpkt.udp.UDP(sport=50000, dport=4789, ulen=16 + len(inner))
    outer.data = bytes((8, 0, 0, 0, 0, 0, 42, 0)) + inner
    return ethernet(dpkt.ip.IP(src=bytes(4), dst=bytes(4), p=17, data=outer, len=36 + len(inner)))


def ipv6(extension: bool) -> bytes:
    inner = bytes(tcp(CLIENT, SERVER, 9, 0, ACK, b"Hello").data)
    options = b"\x06\x00" + bytes(6)
    body = options + inner if extension else inner
    head = struct.pack("!IHBB", 6 << 28, len(body), 0 if extension else 6, 64)
    return head + b"\xfe\x80" + bytes(13) + b"\1" + b"\xfe\x80" + bytes(13) + b"\2" + body


PLAIN = bytes(tcp(CLIENT, SERVER, 9, 0, ACK, b"Hello"))


LINKS = {
    "Ethernet": (1, ethernet(PLAIN)),
    "VLAN": (1, bytes(12) + b"\x81\x00\x00\x05\x08\x00" + PLAIN),
    "QinQ": (1, bytes(12) + b"\x88\xa8\x00\x07\x81\x00\x00\x05\x08\x00" + PLAIN),
    "SLL": (113, bytes(14) + b"\x08\x00" + PLAIN),
    "SLL2": (276, b"\x08\x00" + bytes(18) + PLAIN),
    "NULL": (0, b"\2\0\0\0" + PLAIN),
    "LOOP": (108, b"\0\0\0\2" + PLAIN),
    "raw IP": (101, PLAIN),
    "VXLAN": (1, over_vxlan(ethernet(PLAIN))),
    "IPv6": (1, ethernet(ipv6(False), 0x86DD)),
    "IPv6 with extension": (1, ethernet(ipv6(True), 0x86DD)),
    "raw IPv6": (101, ipv6(False)),
    "IPv6 in SLL2": (276, b"\x86\xdd" + bytes(18) + ipv6(False)),
    "IPv4 options": (
        1,
        ethernet(b"\x46" + PLAIN[1:3] + b"\x31" + PLAIN[4:20] + bytes(4) + PLAIN[20:]),
    ),
    "padding": (1, ethernet(PLAIN) + bytes(20)),
}


@pytest.mark.parametrize("name", LINKS)
def test_every_kind_of_link_gives_the_same_segment(name: str) -> None:
    link, data = LINKS[name]
    found = segment(Packet(7, 0, link, data, len(data)))
    assert isinstance(found, Segment)
    assert (found.seq, found.flags, found.payload, found.cut) == (9, ACK, b"Hello", 0)


@pytest.mark.parametrize("name", [name for name in LINKS if name != "padding"])
def test_a_packet_cut_by_the_snap_length_says_how_much_is_missing(name: str) -> None:
    link, data = LINKS[name]
    found = segment(Packet(7, 0, link, data[:-3], len(data)))
    assert isinstance(found, Segment)
    assert (found.payload, found.cut) == (b"He", 3)


LONG = bytes(range(256)) * 2  # as TCP, the bytes in the middle of it would make no sense


def cut_ipv4(whole: bytes) -> list[bytes]:
    """Cut an IPv4 packet into three fragments."""
    made = []
    for at in 20, 220, 420:
        head = bytearray(whole[:20])
        head[6:8] = ((at - 20) // 8 + 0x2000 * (at < 420)).to_bytes(2)  # offset, more to come
        body = whole[at : at + 200] if at < 420 else whole[at:]
        head[2:4] = (20 + len(body)).to_bytes(2)
        made.append(bytes(head) + body)
    return made


def cut_ipv6(inner: bytes) -> list[bytes]:
    """Return three fragments of an IPv6 packet with this in it."""
    made = []
    for at in 0, 200, 400:
        body = inner[at : at + 200] if at < 400 else inner[at:]
        head = struct.pack("!IHBB", 6 << 28, 8 + len(body), 44, 64) + bytes(15) + b"\1" + bytes(16)
        made.append(head + struct.pack("!BxHI", 6, at + (at < 400), 42) + body)
    return made


SEGMENT = tcp(CLIENT, SERVER, 9, 0, ACK, LONG)


TUNNEL = over_vxlan(ethernet(bytes(SEGMENT)))[14:]


FRAGMENTS = {
    "IPv4": [ethernet(part) for part in cut_ipv4(bytes(SEGMENT))],
    "IPv6": [ethernet(part, 0x86DD) for part in cut_ipv6(bytes(SEGMENT.data))],
    "VXLAN": [ethernet(part) for part in cut_ipv4(TUNNEL)],
    "in VXLAN": [over_vxlan(ethernet(part)) for part in cut_ipv4(bytes(SEGMENT))],
}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments_give_the_segment(name: str, order: tuple[int, ...]) -> None:
    segments = Segments()
    parts = [FRAGMENTS[name][index] for index in order]
    found = [segments.take(Packet(7, 0, 1, part, len(part))) for part in parts]
    assert found[:2] == [None, None] and found[2] is not None
    assert (found[2].seq, found[2].payload, found[2].cut) == (9, LONG, 0)
    assert segments.fragments == 0


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_alone_is_counted(name: str) -> None:
    segments = Segments()
    part = FRAGMENTS[name][1]
    assert segments.take(Packet(7, 0, 1, part, len(part))) is None
    assert segments.fragments == 1


@pytest.mark.parametrize(
    "data",
    [
        ethernet(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0x0806),
        ethernet(ip6(58, b"\x87" + bytes(23)), 0x86DD),
        ethernet(ip6(0, b"\x3a\0\5\2\0\0\1\0" + b"\x8f" + bytes(19)), 0x86DD),
    ],
    ids=["ARP", "neighbour solicitation", "multicast listener report"],
)
def test_who_is_there_is_no_tcp_and_asks_for_no_dpkt(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unwrap(Packet(1, 0, 1, data, len(data))) is None  # as dpkt has it
    monkeypatch.setattr("tcp.segment.unwrap", lambda packet: pytest.fail("dpkt is asked"))
    assert segment(Packet(1, 0, 1, data, len(data))) is None


def test_timestamps_are_read_wherever_they_stand() -> None:
    def stamp(options: bytes, payload: bytes = b"") -> int:
        header = bytes(12) + bytes(((20 + len(options)) // 4 << 4, 16)) + bytes(6) + options
        found = segment(Packet(1, 0, 1, ethernet(ip4(6, header + payload)), 14 + 40 + len(options)))
        assert found
        return found.stamp

    both = bytes(range(1, 9))
    assert stamp(b"\1\1\x08\x0a" + both) == int.from_bytes(both)
    assert stamp(b"\x08\x0a" + both + b"\1\1") == int.from_bytes(both)
    assert stamp(b"", b"\1\1\x08\x0a" + both) == 0
