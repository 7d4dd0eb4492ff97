"""The story of a capture as a person reads it: words, frame numbers, counts."""

from command import wirezmq
from output.text import story_lines
from wire_packets import (
    CAPTURES,
    Talk,
    frame,
    told,
)


def test_the_lab_is_told_word_for_word() -> None:
    done = wirezmq("lab.pcap")
    assert done.stdout == (CAPTURES / "lab.story.txt").read_text()
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_of_a_message_reaches_the_terminal_raw() -> None:
    nasty = "\x1b[2J\x07‮evil\n".encode() + b"\xff"
    text = "\n".join(story_lines("x", told(Talk().shake().say(0, frame(nasty)).capture)))
    assert r"\x1b[2J\x07\u202eevil\n\xff" in text
    assert "\x1b" not in text
