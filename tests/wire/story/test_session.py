"""The story of a capture as a person reads it: words, frame numbers, counts."""

from command import HELLO, PUB, WORLD, lines, said
from output.text import story_lines
from output.words import label
from wire_packets import (
    ACK,
    FIN,
    RST,
    SYN,
    Talk,
    ethernet,
    frame,
    missing,
    pcap,
    tcp,
    told,
)


def test_who_closed_and_how() -> None:
    talk = Talk().shake()
    talk.add(0, FIN | ACK)
    talk.add(1, RST)
    assert lines(talk) == [
        "8 REQ → REP FIN: closes, it sends no more",
        "9 REP → REQ RST: breaks the connection off",
    ]


def test_refused_attempts_are_one_connection() -> None:
    talk = Talk()
    for _ in range(3):
        talk.add(0, SYN)
        talk.add(1, RST | ACK)
        talk.next[0] += 5000
    (connection,) = told(talk.capture).connections
    assert [(e.kind, e.count, e.packet) for e in connection.events] == [("refused", 3, 2)]
    assert "refused, no one listens on this port, 3 times" in label(
        connection, connection.events[0]
    )


def test_a_port_used_again_is_a_new_connection() -> None:
    first = Talk().shake().say(0, HELLO).close()
    second = Talk(first=900000).shake().say(0, HELLO)
    story = told(pcap(first.packets + second.packets))
    assert [c.counts["request"] for c in story.connections] == [1, 1]


def test_begun_before_the_capture() -> None:
    talk = Talk().say(0, HELLO).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    assert (connection.pattern, connection.by_port, connection.late) == ("REQ-REP", True, True)
    assert not connection.complete
    assert (
        said(connection)[0]
        == "1 REQ → REP begun before the capture: what came earlier cannot be told"
    )
    assert said(connection)[2].startswith('2 REP → REQ reply "World"')


def test_begun_in_the_middle_of_a_message() -> None:
    talk = Talk(*PUB).say(1, b"KTU Mon Jun 1 2026" + frame(b"WAKTU 1") + frame(b"WAKTU 2"))
    heard = lines(talk)
    assert heard[1].startswith("1 PUB → SUB 18 bytes (not told")
    assert '2 messages published under WAKTU, from "WAKTU 1" to "WAKTU 2"' in heard[2]


def test_a_missing_segment_is_said_and_the_rest_is_told() -> None:
    talk = Talk().shake().say(0, HELLO).say(1, WORLD)
    talk.add(0, ACK, HELLO, skip=True)
    talk.say(1, frame(b"", 1) + frame(b"lost?")).say(0, HELLO).say(1, WORLD)
    heard = lines(talk)
    assert any("10 bytes" not in line and "9 bytes (not in the capture)" in line for line in heard)
    assert sum("request" in line.split('"')[0] for line in heard) >= 1
    (connection,) = told(talk.capture).connections
    assert (missing(connection), connection.counts["request"]) == (9, 2)


def test_a_hole_inside_a_long_message_keeps_the_place() -> None:
    long = frame(b"", 1) + frame(b"x" * 3000)
    talk = Talk().shake().say(0, long[:1000])
    talk.add(0, ACK, long[1000:2000], skip=True)
    talk.say(0, long[2000:]).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    request = next(event for event in connection.events if event.kind == "request")
    assert request.note == "1000 of its bytes are not in the capture"
    assert (request.first_packet, request.packet, request.size) == (8, 9, 3000)


def test_what_came_twice_is_told_once() -> None:
    talk = Talk().shake().say(0, HELLO)
    talk.packets = [packet for packet in talk.packets for _ in range(2)]
    story = told(talk.capture)
    (connection,) = story.connections
    assert connection.counts["request"] == 1
    assert connection.retransmitted > 0
    assert any("came again" in line for line in story_lines("x", story))


def test_a_synthetic_syn_is_not_a_connection() -> None:
    assert told(pcap([ethernet(tcp(*PUB, 1, 0, SYN))])).connections == []
