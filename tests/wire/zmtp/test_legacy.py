"""ZMTP 1.0 to 3.1 against each other: what is told is what both programs printed.

The captures are own runs of real implementations, see captures/versions/README.txt. tshark is no
oracle here: it reads the fallback to an older protocol as the newer one."""

import ast
from pathlib import Path

import pytest

from output.text import story_lines
from versions import RUNS, SIGNATURE, story, text, texts, versions
from wire_packets import GREETING_2, Talk, command, greeting, ready, told


def printed(run: Path) -> dict[str, list[str]]:
    """Return "REQ sent", … -> the texts that a program printed, frames joined as the story does."""
    found: dict[str, list[str]] = {}
    for line in run.with_suffix(".txt").read_text().splitlines()[1:]:
        kind, what, frames = line.split(" ", 2)
        if what in ("sent", "received"):
            texts = [text(part) for part in ast.literal_eval(frames)]
            found.setdefault(f"{kind} {what}", []).append(" | ".join(texts))
    return found


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_what_is_told_is_what_both_printed(run: Path) -> None:
    said = printed(run)
    connections = story(run).connections
    assert [connection.pattern for connection in connections] == ["REQ-REP", "PUB-SUB", "PUSH-PULL"]
    req, sub, pull = connections
    assert [*texts(req, "request")] == said["REQ sent"] == said["REP received"]
    assert [*texts(req, "reply")] == said["REP sent"] == said["REQ received"]
    assert [*texts(pull, "job")] == said["PUSH sent"] == said["PULL received"]
    published = [*texts(sub, "published")]
    assert [text for text in published if "WAKTU" in text] == said.get("SUB received", [])
    if "TANGGAL 0" in published:  # to an old subscriber, which sorts out by itself
        assert published == said["PUB sent"] and "1.0" in versions(run)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_each_greeting_is_what_its_side_went_on_with(run: Path) -> None:
    both = versions(run)
    older = min(both)
    for connection in story(run).connections:
        assert connection.version == older and connection.complete
        assert not {"gap", "command", "late", "error"} & set(connection.counts)
        greetings = [event for event in connection.events if event.kind == "greeting"]
        by_side = {event.sender: event for event in greetings}
        assert len(greetings) == len(by_side) == 2
        for sender, knows in zip((connection.client, connection.server), both, strict=True):
            event = by_side[sender]
            if older < "3":
                assert event.version == older
                assert ("goes on in" in event.note) == (knows > older)
            else:
                assert (event.version, event.mechanism, event.note) == (knows, "NULL", "")
        if older >= "2":
            assert not connection.by_port
        subscribed = [*texts(connection, "subscribe")]
        expected = connection.pattern == "PUB-SUB" and both[0] != "1.0"
        assert subscribed == ["WAKTU"] * expected


OLD = b"\x01\x00"  # an empty identity of 1.0


def last(talk: Talk) -> list[str]:
    """Return the lines of the story from the first greeting on, without frame and time."""
    return [line[25:] for line in story_lines("x", told(talk.capture)) if " → " in line][3:]


def test_a_newer_server_falls_back_to_2_0() -> None:
    talk = Talk().open().say(0, SIGNATURE).say(1, SIGNATURE + b"\x03").say(0, b"\x01\x03")
    talk.say(1, b"\x04").say(0, b"\0\0\1\0\0\5Hello").say(1, b"\0\0", b"\0\0", b"\1\0\0\5World")
    assert last(talk) == [
        "REQ → REP       ZMTP     greeting: ZMTP 2.0, socket type REQ",
        "REP → REQ       ZMTP     greeting: ZMTP 2.0, socket type REP (it knows ZMTP 3, and goes "
        "on in 2.0 as the older side needs it)",
        "REQ → REP       ZMTP     no identity",
        'REQ → REP       ZMTP     request "Hello" after the empty delimiter',
        "REP → REQ       ZMTP     no identity",
        "REP → REQ       ZMTP     empty reply, 2.00 ms after its request",
        'REP → REQ       ZMTP     reply "World" after the empty delimiter',
    ]


def test_a_newer_client_falls_back_to_2_0() -> None:
    talk = Talk().open().say(0, SIGNATURE).say(1, GREETING_2 + b"\x04").say(0, b"\x03\x03")
    talk.say(0, b"\0\0\1\0\0\5Hello").say(1, b"\0\0\1\0\0\5World")
    (connection,) = told(talk.capture).connections
    assert (connection.version, connection.pattern) == ("2.0", "REQ-REP")
    assert last(talk)[2:] == [
        "REQ → REP       ZMTP     no identity",
        'REQ → REP       ZMTP     request "Hello" after the empty delimiter',
        "REP → REQ       ZMTP     no identity",
        'REP → REQ       ZMTP     reply "World" after the empty delimiter, 1.00 ms after its '
        "request",
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_a_newer_side_falls_back_to_1_0(first: int) -> None:
    """Its bytes 01 01 06 … look like a greeting of 2.0, socket type PUB."""
    talk = Talk().open().say(first, SIGNATURE).say(1 - first, OLD)
    talk.say(0, b"\1\1\6\0Hello").say(1, b"\1\1\6\0World")
    (connection,) = told(talk.capture).connections
    assert (connection.version, connection.pattern) == ("1.0", "REQ-REP")
    assert [event.text for event in connection.events if event.kind in ("request", "reply")] == [
        "Hello",
        "World",
    ]
    newer = [event.note for event in connection.events if event.kind == "greeting"]
    assert [bool(note) for note in newer] == [True, False]


def test_the_bytes_of_the_other_side_may_come_later() -> None:
    """1f 00 WAKTU… is version 31 of 3.x or a frame of 1.0: held back until it is decided."""
    sides = ((bytes((10, 0, 0, 4)), 40001), (bytes((10, 0, 0, 5)), 12345))
    talk = Talk(*sides).open().say(1, SIGNATURE + b"\x1f\0WAKTU Mon Nov 23 00:22:06 2026")
    assert not any("ZMTP 31" in line for line in story_lines("x", told(talk.capture)))
    talk.say(0, OLD)
    lines = last(talk)
    assert "PUB → SUB       ZMTP     greeting: ZMTP 1.0 (it knows a later version" in lines[0]
    assert 'published "WAKTU Mon Nov 23 00:22:06 2026"' in " ".join(lines)


def test_an_identity_in_the_signature_s_frame() -> None:
    talk = Talk().open().say(0, b"\xff" + bytes(7) + b"\x04\x7f").say(1, b"\4\0abc")
    talk.say(0, b"abd\1\1\6\0Hello").say(1, b"\1\1\6\0World")
    assert [line.split("ZMTP     ")[1].split(" after")[0] for line in last(talk)] == [
        "greeting: ZMTP 1.0 (it knows a later version, and goes on in 1.0 as the older side needs "
        "it)",
        "greeting: ZMTP 1.0",
        'identity "abc"',
        'identity "abd"',
        'request "Hello"',
        'reply "World"',
    ]


def test_a_side_alone_is_told_by_its_own_bytes() -> None:
    new = Talk().open().say(0, greeting(), ready(b"REQ"))
    assert told(new.capture).connections[0].version == "3.1"
    two = Talk().open().say(0, GREETING_2 + b"\x03\0\0").say(0, b"\1\0\0\5Hello")
    (connection,) = told(two.capture).connections
    assert (connection.version, connection.events[-1].text) == ("2.0", "Hello")


def test_a_command_is_none_in_2_0() -> None:
    two = GREETING_2 + b"\x04\0\0"
    talk = Talk().open().say(0, GREETING_2 + b"\x03\0\0").say(1, two + command(b"PING", b"\0\0"))
    assert "not told: these are no ZMTP frames" in "\n".join(story_lines("x", told(talk.capture)))
