"""What a command is made of."""

from zmtp.command import named, properties
from zmtp.frames import COMMAND, Frame


def frame(body: bytes) -> Frame:
    return Frame(1, 1, 0.0, COMMAND, len(body), body, 0)


def test_a_command_has_a_name_and_data() -> None:
    assert named(frame(b"\x05READYdata")) == (b"READY", b"data")
    assert named(frame(b"\x04PING")) == (b"PING", b"")


def test_a_command_that_is_cut_short_has_what_is_there() -> None:
    assert named(frame(b"")) == (b"", b"")
    assert named(frame(b"\x09PI")) == (b"PI", b"")


def test_the_properties_of_ready() -> None:
    data = b"\x0bSocket-Type\0\0\0\3REQ" + b"\x08Identity\0\0\0\0"
    assert properties(data) == {"Socket-Type": b"REQ", "Identity": b""}


def test_what_is_malformed_ends_the_properties() -> None:
    data = b"\x01a\0\0\0\1b"
    for malformed in b"\x01c\0\0\0\2d", b"\xff", b"\x01c\xff\xff\xff\xff":
        assert properties(data + malformed) == {"a": b"b"}
