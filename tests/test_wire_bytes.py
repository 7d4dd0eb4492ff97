"""The steps below the story, by property: whatever the cut and the order, the same is read."""

import random
import struct
from itertools import pairwise

import dpkt  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.packet import Packet
from story.pickles import pickled
from story.story import Story
from tcp.assembler import Assembler
from tcp.segment import Segment, Segments, segment
from wire_packets import (
    ACK,
    CLIENT,
    SERVER,
    SYN,
    Talk,
    ethernet,
    frame,
    greeting,
    pcap,
    read,
    tcp,
    told,
)
from zmtp.frames import KEPT, Frame, Greeting
from zmtp.greeting import Negotiation

bodies = st.lists(
    st.tuples(st.binary(max_size=600), st.sampled_from((0, 1, 4))), min_size=1, max_size=12
)


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """Cut data into pieces."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks) if b > a]


@given(bodies, st.lists(st.integers(0, 10000), max_size=30))
def test_frames_cut_anywhere_read_back_the_same(
    frames: list[tuple[bytes, int]], places: list[int]
) -> None:
    data = greeting() + b"".join(frame(body, flags) for body, flags in frames)
    opening, items, ends, total = Negotiation(), [], [], 0
    for number, piece in enumerate(cut_at(data, places), 1):
        items += [item for _, item in opening.feed(0, piece, number, number)]
        total += len(piece)
        ends.append(total)
    assert isinstance(items[0], Greeting)
    assert items[0].version == "3.1"
    assert items[0].mechanism == "NULL"
    at = 64
    for item, (body, flags) in zip(items[1:], frames, strict=True):
        begin, at = at, at + len(frame(body, flags))
        assert isinstance(item, Frame)
        assert (item.body, item.flags & 5) == (body, flags)
        assert item.first == next(n for n, end in enumerate(ends, 1) if end > begin)
        assert item.last == next(n for n, end in enumerate(ends, 1) if end >= at)


@given(
    bodies,
    st.lists(st.integers(0, 10000), max_size=30),
    st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 100), max_size=10),
)
def test_segments_reordered_and_repeated_read_back_the_same(
    frames: list[tuple[bytes, int]],
    places: list[int],
    first: int,
    shuffle: random.Random,
    again: list[int],
) -> None:
    data = greeting() + b"".join(frame(body, flags) for body, flags in frames)
    talk = Talk(first=first)
    talk.open()
    segments = [talk.add(0, 0, piece, skip=True) for piece in cut_at(data, places)]
    segments += [segments[i % len(segments)] for i in again]
    shuffle.shuffle(segments)
    streams, opening, items = Assembler(), Negotiation(), []
    for record in read(pcap(talk.packets + segments)):
        part = segment(record)
        assert isinstance(part, Segment)
        for _, side, piece in streams.feed(part):
            if piece.kind == "data" and side == 0:
                found = opening.feed(0, piece.data, piece.packet, piece.time)
                items += [item for _, item in found]
    assert [item.body for item in items if isinstance(item, Frame)] == [body for body, _ in frames]


@given(st.binary(max_size=200), st.sampled_from((0, 1, 101, 108, 113, 276, 147)))
def test_no_packet_makes_the_headers_raise(data: bytes, link: int) -> None:
    whole = ethernet(tcp(CLIENT, SERVER, 1, 0, SYN))
    for packet in data, whole[:14] + data, whole[:34] + data, whole[: len(data)]:
        segment(Packet(1, 0, link, packet, len(packet)))


def test_a_frame_that_claims_to_be_huge_is_not_kept() -> None:
    opening = Negotiation()
    opening.feed(0, greeting() + b"\x02" + (2**63).to_bytes(8), 1, 1)
    for _ in range(100):
        assert opening.feed(0, bytes(60000), 2, 2) == []
    assert len(opening.readers[0].body) == KEPT


def test_sequence_numbers_wrap_around() -> None:
    talk = Talk(first=2**32 - 70).shake().say(0, frame(b"", 1) + frame(b"Hello"))
    (connection,) = told(talk.capture).connections
    assert connection.events[-1].text == "Hello"


def vxlan(inner: bytes) -> bytes:
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
    "VXLAN": (1, vxlan(ethernet(PLAIN))),
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
TUNNEL = vxlan(ethernet(bytes(SEGMENT)))[14:]
FRAGMENTS = {
    "IPv4": [ethernet(part) for part in cut_ipv4(bytes(SEGMENT))],
    "IPv6": [ethernet(part, 0x86DD) for part in cut_ipv6(bytes(SEGMENT.data))],
    "VXLAN": [ethernet(part) for part in cut_ipv4(TUNNEL)],
    "in VXLAN": [vxlan(ethernet(part)) for part in cut_ipv4(bytes(SEGMENT))],
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


@pytest.mark.parametrize("number", [0, 5, 255, 256, 65535, 2**31, -1, 2**40])
@pytest.mark.parametrize("protocol", range(6))
def test_pickled_ints_are_read(number: int, protocol: int) -> None:
    import pickle

    assert pickled(pickle.dumps(number, protocol)) == number


def test_other_pickles_are_named_and_never_run() -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit('unpickled')",))

    for thing in Evil(), [1, 2], "Hello", True, 1.5, 10**40:
        assert pickled(pickle.dumps(thing)) == "pickle"
    for text in b"Hello.", b".", b"\x80.", b"5.":
        assert pickled(text) is None


def test_story_of_nothing() -> None:
    assert Story().end() == []
