"""Only what is alike is told together: what a line says is true of each event in it."""

import pytest

from output.words import label, span
from story import store
from wire_packets import ACK, CAPTURES, Talk, command, frame, ready, told

DELIMITER = frame(b"", 1)
HELLO, WORLD = DELIMITER + frame(b"Hello"), DELIMITER + frame(b"World")
PUB = ((bytes((10, 0, 0, 4)), 40001), (bytes((10, 0, 0, 5)), 12345))
OTHER = ((bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 7000))


def lines(capture: bytes) -> list[str]:
    """Return packets and words of what passes after the handshakes on the one connection."""
    (connection,) = told(capture).connections
    return [
        f"{span(event)} {label(connection, event).partition(' → ')[2].partition(' ')[2]}"
        for event in connection.events
        if event.kind not in ("syn", "syn-ack", "ack", "greeting", "ready", "fin")
    ]


def test_gaps_of_several_causes_are_told_apart() -> None:
    assert lines((CAPTURES / "gap-notes-merged.pcap").read_bytes())[1:] == [
        "9 10 bytes (not in the capture)",
        "9–12 2,000 bytes, 4 times (not told: no frame begins there, since what came before is not "
        "in the capture)",
    ]


def test_gaps_of_two_causes_in_turns_are_two_lines() -> None:
    talk = Talk(*OTHER).shake(b"PAIR", b"PAIR")
    for _ in range(4):
        talk.add(0, ACK, bytes(10), skip=True)
        talk.say(0, b"\xee" * 50)
    assert [line.partition(" (")[0] for line in lines(talk.capture)] == [
        *("8–11 40 bytes, 4 times", "8–11 200 bytes, 4 times"),
    ]


def test_groups_are_named() -> None:
    assert lines((CAPTURES / "join-leave.pcap").read_bytes()) == [
        '8 JOIN of group "gruppe"',
        '9 LEAVE of group "gruppe"',
        '10 JOIN of group "andere"',
    ]
    talk = Talk(*OTHER).shake(b"DISH", b"RADIO")
    talk.say(0, *(command(b"JOIN", b"g%d" % n) for n in range(3)))
    assert lines(talk.capture) == ['8–10 JOIN of group "g0", "g1", "g2"']


def test_heartbeats_that_differ_are_told_apart_and_like_ones_together() -> None:
    found = lines((CAPTURES / "ping-run.pcap").read_bytes())
    assert [line for line in found if "PING" in line] == [
        f'{8 + 2 * n} PING: time to live {(n + 1) / 2:g} s, context "ctx{n}"' for n in range(4)
    ]
    talk = Talk().shake()
    for _ in range(3):
        talk.say(0, command(b"PING", b"\0\x0f")).say(1, command(b"PONG"))
    assert lines(talk.capture) == ["8–12 PING: time to live 1.5 s, 3 times", "9–13 PONG, 3 times"]


def subscriber(*commands: bytes) -> Talk:
    return Talk(*PUB).shake(b"SUB", b"PUB").say(0, b"".join(commands))


def test_topics_are_named() -> None:
    topics = [command(b"SUBSCRIBE", topic) for topic in (b"A", b"B", b"")]
    assert lines(subscriber(*topics).capture) == ['8 SUBSCRIBE to "A", "B", ""']
    assert lines(subscriber(*topics[:1] * 3).capture) == ['8 SUBSCRIBE to "A", 3 times']
    many = [command(b"SUBSCRIBE", b"%d" % n) for n in range(25)]
    named = ", ".join(f'"{n}"' for n in range(10))
    assert lines(subscriber(*many).capture) == [f"8 SUBSCRIBE to {named}, and 15 more"]


def test_what_is_cancelled_in_between_is_not_told_behind() -> None:
    on, off = command(b"SUBSCRIBE", b"A"), command(b"CANCEL", b"A")
    assert lines(subscriber(on, off, on).capture) == [
        *('8 SUBSCRIBE to "A"', '8 CANCEL of "A"', '8 SUBSCRIBE to "A"'),
    ]


def test_requests_of_another_form_or_size_are_told_apart() -> None:
    talk = Talk(*OTHER).shake(b"DEALER", b"REP").say(0, HELLO, HELLO)
    talk.say(0, frame(b"me", 1) + HELLO, DELIMITER + frame(b"Hel", 1) + frame(b"lo"))
    long = [DELIMITER + frame(b"y" * 2000), DELIMITER + frame(b"y" * 2001)]
    found = lines(talk.say(0, *long).capture)
    assert [line.partition(" ")[0] for line in found] == ["8–9", "10", "11", "12", "13"]
    assert found[0].endswith("each after the empty delimiter")


def test_the_packet_of_a_delimiter_is_said_of_one_message_alone() -> None:
    talk = Talk().shake()
    for _ in range(2):
        talk.say(0, DELIMITER, frame(b"Hello")).say(1, WORLD)
    assert lines(talk.capture)[0] == (
        '9–12 2 requests "Hello", 333.3/s, each after the empty delimiter'
    )
    talk = Talk().shake().say(0, DELIMITER, frame(b"Hello"))
    assert lines(talk.capture) == ['9 request "Hello" after the empty delimiter in packet 8']


def test_messages_are_said_to_be_the_same_if_all_are() -> None:
    talk = Talk(*PUB).shake(b"SUB", b"PUB").say(0, command(b"SUBSCRIBE"))
    texts = [b"T x"] * 11 + [b"T y"] + [b"T x"]  # the odd one is neither among the first nor last
    found = lines(talk.say(1, *map(frame, texts)).capture)
    assert found[1] == '9–21 13 messages published under T, 1,000.0/s, from "T x" to "T x"'


def told_together(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines of a story that has no room for more than the first few events."""
    monkeypatch.setattr(store, "ROOM", 3000)
    return lines(talk.capture)


def test_when_all_are_told_together_nothing_is_said_that_holds_for_the_first_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk(*OTHER).shake(b"DEALER", b"REP").say(0, HELLO, frame(b"bare"), HELLO)
    talk.say(1, WORLD, DELIMITER + frame(b"Moon"))
    found = told_together(talk, monkeypatch)
    assert found == [
        '8–10 3 requests, 1,000.0/s, from "Hello" to "Hello" (1 of them with a remark that --all '
        "tells)",
        '11–12 2 replies, 1,000.0/s, from "World" to "Moon", each after the empty delimiter, '
        "2.50 ms after its request on average",
    ]


def test_topics_and_handshakes_that_differ_are_not_told_as_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk(*PUB).shake(b"SUB", b"PUB").say(1, frame(b"A 1"), frame(b"B 1"), frame(b"A 2"))
    assert told_together(talk, monkeypatch) == [
        '8–10 3 messages published, 1,000.0/s, from "A 1" to "A 2"'
    ]
    talk = Talk(*OTHER).shake(b"PAIR", b"PAIR").say(0, ready(b"PAIR", b"one"), ready(b"PAIR"))
    monkeypatch.setattr(store, "ROOM", 3000)
    (connection,) = told(talk.capture).connections
    assert label(connection, connection.events[-1]).endswith(
        'READY: socket type PAIR, identity "one", the first of 2'
    )


def test_the_mean_is_that_of_the_round_trips_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk(*OTHER).shake(b"REQ", b"ROUTER").say(0, HELLO, HELLO).say(1, WORLD, WORLD)
    talk.say(0, HELLO).say(1, WORLD)
    assert told_together(talk, monkeypatch)[-1].endswith(
        "1.00 ms after its request on average of 1"
    )
