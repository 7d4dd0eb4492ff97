"""Packets in any order, and more connections than any class makes: all of it is told, or said."""

import random
from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest

from capture.packet import Packet
from output.text import heading, story_lines
from story import store
from story.model import Connection
from story.story import Story
from tcp import assembler
from tcp.connection import AWAY
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
    ready,
    tcp,
    told,
)

HELLO = frame(b"", 1) + frame(b"Hello")
WORLD = frame(b"", 1) + frame(b"World")
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
    assert (connection.requests, connection.replies) == (["Hello"] * 2, ["World"] * 2)
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
    assert gap == 8 + AWAY
    (connection,) = told(talk.capture).connections
    assert (missing(connection), connection.counts["reply"]) == (9, 60)


def begun(talk: Talk) -> Talk:
    return talk.open().say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"), HELLO)


def numbered(count: int) -> list[Talk]:
    return [Talk(client=(bytes((10, 1, n >> 8, n & 255)), 40000)) for n in range(count)]


def interleaved(talks: list[Talk]) -> list[bytes]:
    """Return their packets in turns."""
    return [
        packet for turn in zip(*(talk.packets for talk in talks), strict=True) for packet in turn
    ]


def test_6000_connections_open_at_once_are_all_told() -> None:
    found = told(pcap(interleaved([begun(talk) for talk in numbered(6000)])))
    assert len(found.connections) == 6000
    assert all(connection.counts["request"] == 1 for connection in found.connections)
    assert not any(connection.late for connection in found.connections)


def test_closed_connections_need_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "CLOSED", 100)
    before = [packet for talk in numbered(1000) for packet in begun(talk).close().packets]
    after = [Talk(client=(bytes((10, 9, 9, n)), 40000)) for n in range(200)]
    found = told(pcap(before + interleaved([begun(talk) for talk in after])))
    assert len(found.connections) == 1200
    assert not any(connection.late for connection in found.connections)
    assert len(found.assembler.table) <= 2 * (assembler.CLOSED + 200)


def test_those_in_handshake_are_dropped_last_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assembler, "FOLLOWED", 100)
    known = [begun(talk).say(1, ready(b"REP")) for talk in numbered(100)]
    shaking = [Talk(client=(bytes((10, 9, 9, n)), 40000)).open() for n in range(80)]
    packets = interleaved(known) + interleaved(shaking)
    rest = [Talk(client=talk.sides[0]) for talk in shaking]
    for talk, copy in zip(shaking, rest, strict=True):
        copy.next = talk.next
        copy.say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"), HELLO)
    found = told(pcap(packets + interleaved(rest)))
    assert [connection.counts["request"] for connection in found.connections] == [1] * 180
    assert not any(connection.late for connection in found.connections)
    lines = list(story_lines("x", found))
    assert any(line.startswith("Lost sight of: 80 TCP connections") for line in lines)
    assert sum("lost sight of among too many others" in line for line in lines) == 80


def test_more_connections_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CONNECTIONS", 80)
    closed = [packet for talk in numbered(200) for packet in begun(talk).close().packets]
    live = [Talk(client=(bytes((10, 9, 9, n)), 40000)) for n in range(100)]
    found = told(pcap(closed + interleaved([begun(talk) for talk in live])))
    lines = list(story_lines("x", found))
    assert lines[0].endswith("300 ZMTP connections")
    assert any(
        line.startswith("Not told: 220 of the ZMTP connections (220 REQ-REP)") for line in lines
    )
    assert len(found.connections) == 80


def test_many_different_messages_are_told_together_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "ROOM", 20_000)
    talk = Talk().shake()
    for number in range(300):
        talk.say(0, frame(b"", 1) + frame(b"request %d" % number)).say(1, WORLD)
    found = told(talk.capture)
    (connection,) = found.connections
    assert len(connection.events) < 60
    assert connection.counts["request"] == 300
    assert any(line.startswith("Told together from packet ") for line in story_lines("x", found))


def test_refused_attempts_say_that_the_types_are_by_the_port() -> None:
    talk = Talk()
    talk.add(0, SYN)
    talk.add(1, RST | ACK)
    (connection,) = told(talk.capture).connections
    assert heading(connection) == (
        "REQ-REP: REQ 10.0.0.2:40000 tried to connect to REP 10.0.0.3:5555, types by the port"
    )


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
