"""Packets in any order, and more connections than any class makes: all of it is told, or said."""

import pytest

from command import HELLO, WORLD, lines
from orders import begun, interleaved, numbered
from output.text import heading, story_lines
from story import store
from story.story import Story
from wire_packets import (
    ACK,
    RST,
    SYN,
    Talk,
    frame,
    pcap,
    read,
    told,
)


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


def test_whole_bodies_take_the_room_that_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROOM", 300_000)
    talk = Talk().shake()
    for number in range(40):
        talk.say(0, frame(b"", 1) + frame(b"%d " % number + b"x" * 9000)).say(1, WORLD)
    stories = [Story(), Story(whole=10_000)]
    for packet in read(talk.capture):
        for story in stories:
            story.feed(packet)
    assert [story.losses.together > 0 for story in stories] == [False, True]


def test_refused_attempts_say_that_the_types_are_by_the_port() -> None:
    talk = Talk()
    talk.add(0, SYN)
    talk.add(1, RST | ACK)
    (connection,) = told(talk.capture).connections
    assert heading(connection) == (
        "REQ-REP: REQ 10.0.0.2:40000 tried to connect to REP 10.0.0.3:5555, types by the port"
    )


def test_story_of_nothing() -> None:
    assert Story().end() == []


def test_runs_collapse_and_all_shows_each() -> None:
    talk = Talk().shake()
    for _ in range(5):
        talk.say(0, HELLO).say(1, WORLD)
    assert lines(talk) == [
        '8 REQ → REP 5 requests "Hello", 500.0/s, each after the empty delimiter',
        '9 REP → REQ 5 replies "World", 500.0/s, each after the empty delimiter, '
        "1.00 ms after its request on average",
    ]
    assert len(lines(talk, each=True)) == 10


def test_different_requests_stay_apart_and_in_order() -> None:
    talk = Talk().shake()
    for text in b"one", b"two", b"one":
        talk.say(0, frame(b"", 1) + frame(text)).say(1, WORLD)
    assert [line.split('"')[1] for line in lines(talk)[::2]] == ["one", "two", "one"]


def test_memory_stays_flat() -> None:
    talk = Talk().shake()
    for number in range(2000):
        talk.say(0, frame(b"", 1) + frame(b"request %d" % number)).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    assert len(connection.events) < 520
    assert connection.counts["request"] == 2000


@pytest.mark.parametrize("details", [True, False])
def test_what_a_page_alone_shows_is_kept_where_it_is_asked_for(details: bool) -> None:
    story = Story(details=details)
    for packet in read(Talk().shake().say(0, HELLO).say(1, WORLD).capture):
        story.feed(packet)
    (connection,) = story.connections
    read_from = [event for event in connection.events if event.layer == "ZMTP"]
    assert len(read_from) > 4
    assert {bool(event.wire) for event in read_from} == {details}
    assert bool(connection.firsts) == details
