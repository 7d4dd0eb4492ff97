"""ZMTP 1.0 to 3.1 against each other: what is told is what both programs printed.

The captures are own runs of real implementations, see captures/versions/README.txt. tshark is no
oracle here: it reads the fallback to an older protocol as the newer one."""

from pathlib import Path

import pytest

from command import HELLO, said
from output.text import story_lines
from versions import RUNS, SIGNATURE, story, texts, versions
from wire_packets import (
    Talk,
    frame,
    greeting,
    told,
)
from zmtp.frames import Begun, Frame
from zmtp.greeting import Negotiation


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_no_port_is_needed(run: Path) -> None:
    kinds = ("request", "reply", "published", "job", "message")
    hinted = [[*texts(connection, *kinds)] for connection in story(run).connections]
    plain = [[*texts(connection, *kinds)] for connection in story(run, {}).connections]
    if min(versions(run)) == "1.0":  # which says no socket type: a delimiter is a frame like others
        plain = [[text.removeprefix(" | ") for text in texts] for texts in plain]
        if versions(run)[0] != "1.0":  # and a subscription is a message
            plain[1].remove(r"\x01WAKTU")
    assert plain == hinted


def test_a_greeting_that_goes_no_further_is_said() -> None:
    web = Talk().open().say(0, b"GET / HTTP/1.1\r\n\r\n").say(1, SIGNATURE).close()
    lines = list(story_lines("x", told(web.capture)))
    assert any(
        "REP → REQ       ZMTP     greeting begun: it stops after 10 bytes" in x for x in lines
    )
    assert any("18 bytes (not told: these are no ZMTP frames)" in line for line in lines)


def test_a_message_without_an_end_is_said() -> None:
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"Hello", 1)).close()
    lines = list(story_lines("x", told(talk.capture)))
    said = "REQ → REP       ZMTP     message begun: it stops after 2 ZMTP frames, 5 bytes"
    assert any(said in line for line in lines)
    talk = Talk().shake().say(0, frame(b"x" * 500)[:300])
    lines = list(story_lines("x", told(talk.capture)))
    said = "REQ → REP       ZMTP     message begun: it stops after 291 of 500 bytes"
    assert any(said in line for line in lines)


def test_a_greeting_makes_any_port_zmtp() -> None:
    sides = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 8080)
    (connection,) = told(Talk(*sides).shake().say(0, HELLO).capture).connections
    assert connection.pattern == "REQ-REP"
    web = Talk(*sides).open().say(0, b"GET / HTTP/1.1\r\n\r\n").say(1, b"HTTP/1.1 200 OK\r\n")
    assert told(web.capture).connections == []


def test_older_greetings_are_named() -> None:
    two = b"\xff" + bytes(8) + b"\x7f\x01"
    talk = Talk().open().say(0, two + b"\x03\0\0").say(1, two + b"\x04\0\0").say(0, HELLO)
    (connection,) = told(talk.capture).connections
    assert (connection.version, connection.pattern) == ("2.0", "REQ-REP")
    assert said(connection)[-1].endswith('request "Hello" after the empty delimiter')
    one = Talk().open().say(0, b"\1\0").say(1, b"\1\0").say(0, b"\1\1\6\0Hello")
    (connection,) = told(one.capture).connections
    assert connection.version == "1.0"
    assert connection.events[-1].text == "Hello"


def test_what_a_side_has_begun_is_no_greeting_yet() -> None:
    for size in 1, 9, 10, 11, 63:
        opening = Negotiation(guess=True)
        for at, byte in enumerate(greeting()[:size]):
            assert opening.feed(0, bytes([byte]), at + 1, 0.0) == []
        assert opening.end(0) == [] and opening.begun(1) is None
        found = opening.begun(0)
        assert found and found.greeting
        assert (found.first, found.greeting.last, found.size) == (1, size, size)
        assert found.whole == (64 if size > 10 else 0)
        assert found.greeting.raw == greeting()[:size]
    opening = Negotiation()
    assert opening.feed(0, greeting() + frame(b"Hello")[:3], 1, 0.0)[0][1].last == 1
    assert opening.begun(0) == Begun(1, 1, 5, 0, 0)


def test_a_greeting_on_a_port_of_no_one_needs_its_signature() -> None:
    for size in 1, 9, 10:
        opening = Negotiation()
        opening.feed(0, greeting()[:size], 1, 0.0)
        opening.end(0, 1)
        assert opening.zmtp == (size == 10)


def test_behind_bytes_that_are_missing_the_rest_is_read() -> None:
    opening = Negotiation()
    opening.feed(0, greeting()[:10], 1, 0.0)
    opening.skip(0, 54, 2, 0.0)
    items = opening.feed(0, frame(b"one") + frame(b"two"), 2, 0.0)
    items += opening.feed(0, frame(b"three"), 3, 0.0)
    assert [item.body for _, item in items if isinstance(item, Frame)] == [b"one", b"two", b"three"]
