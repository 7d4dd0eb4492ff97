"""The bytes of an event, part by part: none lacks, none is made up, each has its name."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from output.octets import Octets, octets
from story.model import Event
from wire_packets import Talk, command, frame, greeting, told


def last(talk: Talk) -> tuple[Event, list[Octets]]:
    """Return the last event of the one connection, and its bytes."""
    (connection,) = told(talk.capture, each=True).connections
    return connection.events[-1], octets(connection, connection.events[-1])


def said(talk: Talk) -> list[tuple[str, str, str]]:
    return [(part, code, meaning) for part, code, _, meaning in last(talk)[1]]


def raw(found: list[Octets]) -> bytes:
    """Put the shown bytes together again."""
    whole = b""
    for _, shown, _, _ in found:
        for piece in shown.split(", "):
            count, times, _ = piece.partition(" × ")
            whole += bytes(int(count)) if times else bytes.fromhex(piece)
    return whole


@given(st.lists(st.binary(max_size=48), min_size=1, max_size=8))
def test_together_they_are_the_message(bodies: list[bytes]) -> None:
    message = b"".join(frame(body, 1) for body in bodies[:-1]) + frame(bodies[-1])
    talk = Talk().shake(b"DEALER", b"ROUTER").say(0, message)
    event, found = last(talk)
    assert event.kind == "message"
    assert raw(found) == message


@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_together_they_are_the_command(name: bytes, data: bytes, known: bool) -> None:
    name = b"READY" if known else name
    talk = Talk().shake().say(0, command(name, data))
    assert raw(last(talk)[1]) == command(name, data)


def test_a_greeting() -> None:
    talk = Talk().open().say(0, greeting())
    assert said(talk) == [
        ("signature", "ff 00 00 00 00 00 00 00 00 7f", "how every greeting begins"),
        ("version", "03 01", "ZMTP 3.1"),
        ("mechanism", "4e 55 4c 4c, 16 × 00", "NULL, padded to 20 bytes"),
        ("as-server", "00", "not as server"),
        ("filler", "31 × 00", "31 bytes without a meaning"),
    ]


def test_ready_and_subscribe() -> None:
    assert said(Talk().shake()) == [
        ("flags", "04", "a command"),
        ("size", "26", "38 bytes follow"),
        ("name", "05 52 45 41 44 59", "5 bytes: READY"),
        ("property", "0b 53 6f 63 6b 65 74 2d 54 79 70 65", "11 bytes: Socket-Type"),
        ("value", "00 00 00 03 52 45 50", "3 bytes: Socket-Type is REP"),
        ("property", "08 49 64 65 6e 74 69 74 79", "8 bytes: Identity"),
        ("value", "00 00 00 00", "0 bytes: Identity is empty"),
    ]
    talk = Talk().shake(b"SUB", b"PUB").say(0, command(b"SUBSCRIBE", b"WAKTU"))
    assert said(talk)[2:] == [
        ("name", "09 53 55 42 53 43 52 49 42 45", "9 bytes: SUBSCRIBE"),
        ("topic", "57 41 4b 54 55", "WAKTU"),
    ]
    talk = Talk().shake(b"SUB", b"PUB").say(0, frame(b"\1WAKTU"))  # as ZMTP 3.0 has it
    assert said(talk)[2:] == [("filter", "01", "subscribe"), ("topic", "57 41 4b 54 55", "WAKTU")]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [3, 300, 70000, -1, 1 << 40])
def test_a_job(value: int, protocol: int) -> None:
    body = pickle.dumps(value, protocol)
    found = last(Talk().shake(b"PULL", b"PUSH").say(1, frame(body)))[1]
    assert raw(found) == frame(body)
    assert [meaning for *_, meaning in found][-2:] == [f"the int {value}", "the end of the pickle"]


def test_what_is_shortened_says_by_how_much() -> None:
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"x" * 1000))
    found = said(talk)
    assert found[2:4] == [
        ("flags", "02", "the last frame; its size has 8 bytes"),
        ("size", "00 00 00 00 00 00 03 e8", "1,000 bytes follow"),
    ]
    assert found[4][1].endswith("78…")
    assert found[5] == ("…", "", "744 more bytes are not shown")
    talk = Talk().shake().say(0, frame(b"a", 1) * 20 + frame(b"z"))
    assert said(talk)[-1] == ("…", "", "13 more frames are not shown")


def test_old_versions() -> None:
    talk = Talk().open().say(0, b"\1\0").say(1, b"\1\0").say(0, b"\1\1\6\0Hello")
    assert said(talk) == [
        ("size", "01", "0 bytes follow: the empty delimiter, and the flags"),
        ("flags", "01", "more frames follow"),
        ("size", "06", "5 bytes follow, and the flags"),
        ("flags", "00", "the last frame"),
        ("body", "48 65 6c 6c 6f", "Hello"),
    ]
    talk = Talk().open().say(0, b"\xff" + bytes(7) + b"\1\x7f\1\3")
    assert said(talk)[1:] == [("revision", "01", "ZMTP 2.0"), ("socket type", "03", "REQ")]


def test_a_connection_of_1_0_that_was_begun_before_the_capture() -> None:
    long = b"\1\1\xff" + (301).to_bytes(8) + b"\0" + b"x" * 300
    sizes = [
        ("size", "01"),
        ("flags", "01"),
        ("size", "ff 00 00 00 00 00 00 01 2d"),
        ("flags", "00"),
    ]
    assert [row[:2] for row in said(Talk().say(0, long))[:4]] == sizes


def test_the_beginning_of_a_greeting() -> None:
    for size, parts in (4, ["signature"]), (11, ["signature", "version"]):
        (connection,) = told(Talk().open().say(0, greeting()[:size]).capture).connections
        found = octets(connection, connection.events[-1])
        assert [each.part for each in found] == parts
    assert found[1].hex == "03"
