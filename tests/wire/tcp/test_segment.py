"""What lies under TCP: every link, tunnel and length gives the same segment, or it is named."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from capture.packet import Packet
from output.text import losses
from story.story import Story
from tcp.segment import Segment, Segments
from wire_packets import ACK, CLIENT, SERVER, ethernet, ip4, ip6, pcap, read, tcp, told, udp

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
