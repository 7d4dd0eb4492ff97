"""The story of a capture as a person reads it: words, frame numbers, counts."""

import pickle

from command import HELLO, PUB, WORLD, lines
from output.words import label
from story.story import Story
from wire_packets import (
    Talk,
    command,
    frame,
    greeting,
    read,
    ready,
    told,
)
from zmtp.frames import Frame

PUSH = ((bytes((10, 0, 0, 6)), 40002), (bytes((10, 0, 0, 7)), 9999))


def test_requests_and_replies_have_their_delimiter_and_round_trip() -> None:
    assert lines(Talk().shake().say(0, HELLO).say(1, WORLD)) == [
        '8 REQ → REP request "Hello" after the empty delimiter',
        '9 REP → REQ reply "World" after the empty delimiter, 1.00 ms after its request',
    ]


def test_published_messages_collapse_by_topic() -> None:
    talk = Talk(*PUB).shake(b"SUB", b"PUB").say(0, command(b"SUBSCRIBE", b"WAKTU"))
    for second in range(4):
        talk.say(1, frame(b"WAKTU %d" % second), frame(b"TANGGAL x"))
    assert lines(talk) == [
        '8 SUB → PUB SUBSCRIBE to "WAKTU"',
        '9 PUB → SUB 4 messages published under WAKTU, 500.0/s, from "WAKTU 0" to "WAKTU 3"',
        '10 PUB → SUB 4 messages published under TANGGAL "TANGGAL x", 500.0/s',
    ]
    (connection,) = told(talk.capture).connections
    assert (connection.published, connection.matched) == ({"WAKTU": 4, "TANGGAL": 4}, 4)


def test_bodies_are_whole_up_to_a_bound_for_who_asks_for_it() -> None:
    talk = Talk(*PUSH).shake(b"PULL", b"PUSH")
    bodies = [b"x" * size for size in (200, 300, 5000, 5001)]
    for body in bodies:
        talk.say(1, frame(body))

    def sizes(whole: int) -> list[int]:
        story = Story(each=True, whole=whole)
        for packet in read(talk.capture):
            story.feed(packet)
        jobs = [event for event in story.connections[0].events if event.kind == "job"]
        assert [event.size for event in jobs] == [200, 300, 5000, 5001]
        frames = [event.wire[0] for event in jobs]
        return [len(found.body) for found in frames if isinstance(found, Frame)]

    assert sizes(0) == [200, 256, 256, 256]
    assert sizes(5000) == [200, 300, 5000, 256]


def test_subscriptions_of_3_0_are_messages() -> None:
    talk = Talk(*PUB).open().say(0, greeting(minor=0)).say(1, greeting(minor=0))
    talk.say(0, ready(b"SUB")).say(1, ready(b"PUB"))
    assert lines(talk.say(0, frame(b"\1WAKTU")).say(0, frame(b"\0WAKTU"))) == [
        '8 SUB → PUB SUBSCRIBE to "WAKTU"',
        '9 SUB → PUB CANCEL of "WAKTU"',
    ]


def test_jobs_show_their_value_and_other_pickles_their_name() -> None:
    talk = Talk(*PUSH).shake(b"PULL", b"PUSH").say(1, frame(pickle.dumps(3)))
    assert lines(talk) == ["8 PUSH → PULL job 3 (a pickled int)"]
    evil = Talk(*PUSH).shake(b"PULL", b"PUSH").say(1, frame(pickle.dumps(["x"])))
    assert "a pickle of something else than an int" in lines(evil)[0]


def test_identity_is_told() -> None:
    talk = Talk().open().say(0, greeting(), ready(b"DEALER", b"d1")).say(1, greeting())
    talk.say(1, ready(b"ROUTER"))
    (connection,) = told(talk.capture).connections
    assert connection.pattern == "DEALER-ROUTER"
    assert 'READY: socket type DEALER, identity "d1"' in label(connection, connection.events[4])


def test_the_port_is_a_hint_until_both_have_said_their_type() -> None:
    talk = Talk().open().say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"))
    (connection,) = told(talk.capture).connections
    assert (connection.pattern, connection.by_port) == ("REQ-REP", True)
    (connection,) = told(talk.say(1, ready(b"ROUTER")).capture).connections
    assert (connection.pattern, connection.by_port) == ("REQ-ROUTER", False)
    other = Talk().open().say(0, greeting()).say(1, greeting()).say(0, ready(b"PUSH"))
    (connection,) = told(other.capture).connections
    assert (connection.pattern, connection.by_port) == ("PUSH-?", False)
