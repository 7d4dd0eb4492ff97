"""Packets in any order, and more connections than any class makes: all of it is told, or said."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.packet import Packet
from command import HELLO, WORLD
from links import bodies, cut_at
from story.story import Story
from tcp.assembler import Assembler
from tcp.order import GAP_PACKETS
from tcp.segment import Segment, segment
from wire_packets import (
    ACK,
    CAPTURES,
    FIN,
    PUSH,
    RST,
    SYN,
    Talk,
    ethernet,
    frame,
    greeting,
    missing,
    pcap,
    read,
    tcp,
    told,
)
from zmtp.frames import Frame
from zmtp.greeting import Negotiation

CAPTURED = [CAPTURES / "lab.pcap", CAPTURES / "profile.pcap"]


CAPTURED += sorted((CAPTURES / "versions").glob("*3.1*.pcap")) + sorted(
    (CAPTURES / "versions").glob("*4.3.5-*.pcap")
)


def story(records: list[Packet]) -> Story:
    found = Story(each=True)
    for record in records:
        found.feed(record)
    found.end()
    return found


def heard(found: Story) -> dict[str, object]:
    """Return what each side of each connection said, and the order of requests and replies."""
    said: dict[str, object] = {}
    for connection in found.connections:
        for side in connection.client, connection.server:
            said[f"{connection.client} {side}"] = [
                (event.kind, event.text, event.size, event.note)
                for event in connection.events
                if event.sender == side
            ]
        pair = ("request", "reply")
        said[connection.client] = [e.text for e in connection.events if e.kind in pair]
    return said


@pytest.mark.parametrize("path", CAPTURED, ids=lambda path: path.stem)
def test_shuffled_within_six_packets_it_is_told_the_same(path: Path) -> None:
    records = read(path.read_bytes())
    expected = heard(story(records))
    assert expected
    for seed in range(20):
        shuffle, mixed = random.Random(seed), list[Packet]()
        for at in range(0, len(records), 6):
            block = records[at : at + 6]
            shuffle.shuffle(block)
            mixed += block
        found = story([r._replace(number=number) for number, r in enumerate(mixed, 1)])
        assert heard(found) == expected, seed
        for connection in found.connections:
            assert not {"gap", "late"} & set(connection.counts)
            assert missing(connection) == connection.retransmitted == 0


def test_an_ack_before_its_data_is_no_gap() -> None:
    talk = Talk().shake()
    first = talk.add(0, ACK, HELLO, skip=True)
    second = talk.add(0, ACK, HELLO, skip=True)
    acknowledged = talk.add(1, ACK, skip=True)
    talk.packets += [second, acknowledged, first]
    talk.say(1, WORLD, WORLD)
    (connection,) = told(talk.capture, each=True).connections
    assert ([*connection.requests], [*connection.replies]) == (["Hello"] * 2, ["World"] * 2)
    assert (missing(connection), connection.retransmitted) == (0, 0)


def test_a_reply_captured_before_its_request_is_told_behind_it() -> None:
    talk = Talk().shake()
    request = talk.add(0, ACK | PUSH, HELLO, skip=True)
    talk.say(1, WORLD)
    talk.packets.append(request)
    (connection,) = told(talk.capture).connections
    assert [event.kind for event in connection.events[-2:]] == ["request", "reply"]
    assert [event.packet for event in connection.events[-2:]] == [9, 8]


def test_what_never_comes_is_given_up_by_distance() -> None:
    talk = Talk().shake()
    talk.add(0, ACK | PUSH, HELLO, skip=True)
    for _ in range(60):
        talk.say(1, WORLD).say(0, HELLO)
    new = [
        (record.number, event.kind)
        for found in [Story()]
        for record in read(talk.capture)
        for _, event in found.feed(record)
    ]
    gap = next(number for number, kind in new if kind == "gap")
    assert gap == 8 + GAP_PACKETS
    (connection,) = told(talk.capture).connections
    assert (missing(connection), connection.counts["reply"]) == (9, 60)


def test_a_fin_that_is_not_captured_is_no_lost_byte() -> None:
    talk = Talk().shake()
    talk.add(0, FIN | ACK, skip=True)
    talk.add(1, FIN | ACK)
    (connection,) = told(talk.capture).connections
    assert (missing(connection), "gap" in connection.counts) == (0, False)


def test_a_syn_of_a_port_used_before_ends_what_waited() -> None:
    talk = Talk().shake()
    talk.add(0, ACK, HELLO, skip=True)
    talk.say(0, HELLO)
    again = Talk(first=900000).shake()
    found = told(pcap(talk.packets + again.packets))
    assert [connection.counts.get("gap", 0) for connection in found.connections] == [1, 0]
    assert found.connections[0].counts["request"] == 1


def test_a_lone_packet_is_no_connection() -> None:
    sides = ((bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 5555))
    for flags in FIN | ACK, RST, ACK, SYN | ACK:
        assert told(pcap([ethernet(tcp(*sides, 5, 9, flags))] * 30)).connections == []


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


def test_sequence_numbers_wrap_around() -> None:
    talk = Talk(first=2**32 - 70).shake().say(0, frame(b"", 1) + frame(b"Hello"))
    (connection,) = told(talk.capture).connections
    assert connection.events[-1].text == "Hello"


def test_whichever_packet_is_missing_events_stand_in_the_order_of_packets() -> None:
    records = read((CAPTURES / "versions/libzmq-4.3.5-libzmq-4.3.5.pcap").read_bytes())
    for at in range(len(records)):
        left = [*records[:at], *records[at + 1 :]]
        found = story([r._replace(number=number) for number, r in enumerate(left, 1)])
        for connection in found.connections:
            numbers = [event.packet for event in connection.events]
            assert numbers == sorted(numbers), at


@pytest.mark.parametrize("early", [1, 3, 6])
def test_a_syn_that_was_captured_behind_what_follows_it_whatever_their_times(early: int) -> None:
    talk = Talk().shake().say(0, HELLO).say(1, WORLD)
    packets = [*talk.packets[1 : early + 1], talk.packets[0], *talk.packets[early + 1 :]]
    (connection,) = told(pcap(packets), each=True).connections
    assert (connection.late, connection.complete) == (False, True)
    assert ([*connection.requests], [*connection.replies]) == (["Hello"], ["World"])
    assert missing(connection) == connection.retransmitted == 0
