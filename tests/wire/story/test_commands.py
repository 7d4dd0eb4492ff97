"""The story of a capture as a person reads it: words, frame numbers, counts."""

from command import lines, said
from wire_packets import (
    Talk,
    command,
    greeting,
    told,
)


def test_heartbeats_errors_and_unknown_commands_are_named() -> None:
    talk = Talk().shake().say(0, command(b"PING", b"\0\x0fabc")).say(1, command(b"PONG", b"abc"))
    talk.say(1, command(b"ERROR", b"\x04nope")).say(0, command(b"WHAT", b"ever"))
    assert lines(talk) == [
        '8 REQ → REP PING: time to live 1.5 s, context "abc"',
        '9 REP → REQ PONG: context "abc"',
        "10 REP → REQ ERROR: nope",
        "11 REQ → REP COMMAND: WHAT",
    ]


def test_plain_and_curve_are_named() -> None:
    plain = Talk().open().say(0, greeting(b"PLAIN")).say(1, greeting(b"PLAIN"))
    plain.say(0, command(b"HELLO", b"\5siswa\6secret")).say(1, command(b"WELCOME"))
    heard = lines(plain)
    assert heard[0].endswith('HELLO: user "siswa" and a password of 6 bytes, in clear')
    assert "secret" not in "".join(heard)
    curve = Talk().open().say(0, greeting(b"CURVE")).say(1, greeting(b"CURVE"))
    curve.say(0, command(b"MESSAGE", bytes(40)))
    (connection,) = told(curve.capture).connections
    assert connection.mechanism == "CURVE"
    assert said(connection)[-1].endswith("encrypted frame, 15 bytes")
