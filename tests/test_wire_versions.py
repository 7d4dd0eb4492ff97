"""ZMTP 1.0 to 3.1 against each other: what is told is what both programs printed.

The captures are own runs of real implementations, see captures/versions/README.txt. tshark is no
oracle here: it reads the fallback to an older protocol as the newer one.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from output.text import story_lines
from story.model import Connection
from story.story import Story
from wire_packets import CAPTURES, GREETING_2, Talk, command, frame, greeting, read, ready, told
from zmtp.patterns import PORTS

RUNS = sorted((CAPTURES / "versions").glob("*.pcap"))
VERSIONS = {"2.2.0": "1.0", "3.2.2": "2.0", "0.3.6": "2.0", "4.1.2": "3.0"}  # others: 3.1
JOBS = {b"\x80\x04K%c." % job: str(job) for job in (3, 1, 5)}


def versions(run: Path) -> tuple[str, str]:
    """Return the ZMTP versions of client and server."""
    client, server = run.stem.split("-")[1], run.stem.split("-")[-1]
    return VERSIONS.get(client, "3.1"), VERSIONS.get(server, "3.1")


def printed(run: Path) -> dict[str, list[str]]:
    """Return "REQ sent", … -> the texts that a program printed, frames joined as the story does."""
    found: dict[str, list[str]] = {}
    for line in run.with_suffix(".txt").read_text().splitlines()[1:]:
        kind, what, frames = line.split(" ", 2)
        if what in ("sent", "received"):
            texts = [text(part) for part in ast.literal_eval(frames)]
            found.setdefault(f"{kind} {what}", []).append(" | ".join(texts))
    return found


def text(part: bytes | str) -> str:
    if isinstance(part, str):  # "300 bytes"
        return "x" * int(part.split()[0])
    return JOBS.get(part) or part.decode()


def story(run: Path, ports: dict[int, tuple[str, str]] = PORTS) -> Story:
    found = Story(each=True, ports=ports)
    for record in read(run.read_bytes()):
        found.feed(record)
    found.end()
    found.connections = [c for c in found.connections if set(c.counts) != {"refused"}]
    return found


def texts(connection: Connection, *kinds: str) -> Iterator[str]:
    return (event.text for event in connection.events if event.kind in kinds)


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


OLD = b"\x01\x00"  # an empty identity of 1.0
SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"


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


def test_a_greeting_that_goes_no_further_is_said() -> None:
    web = Talk().open().say(0, b"GET / HTTP/1.1\r\n\r\n").say(1, SIGNATURE).close()
    lines = list(story_lines("x", told(web.capture)))
    assert any(
        "10 bytes (begins a greeting, of which no more is in the capture" in x for x in lines
    )
    assert any("18 bytes (not told: these are no ZMTP frames)" in line for line in lines)


def test_a_message_without_an_end_is_said() -> None:
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"Hello", 1)).close()
    lines = list(story_lines("x", told(talk.capture)))
    said = "5 bytes (begin a message, 2 of its ZMTP frames, whose end is not in the capture)"
    assert any(said in line for line in lines)
    talk = Talk().shake().say(0, frame(b"x" * 500)[:300])
    lines = list(story_lines("x", told(talk.capture)))
    said = "291 bytes (begin a ZMTP frame of 500 bytes, whose end is not in the capture)"
    assert any(said in line for line in lines)


def test_a_command_is_none_in_2_0() -> None:
    two = GREETING_2 + b"\x04\0\0"
    talk = Talk().open().say(0, GREETING_2 + b"\x03\0\0").say(1, two + command(b"PING", b"\0\0"))
    assert "not told: these are no ZMTP frames" in "\n".join(story_lines("x", told(talk.capture)))
