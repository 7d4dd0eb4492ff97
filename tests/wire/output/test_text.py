"""The story of a capture as a person reads it: words, frame numbers, counts."""

from command import wirezmq
from output.text import story_lines
from wire_packets import (
    CAPTURES,
    Talk,
    frame,
    greeting,
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


def test_what_was_begun_is_told_in_its_packet_with_its_direction() -> None:
    done = wirezmq("greeting-begun-then-fin.pcap")
    assert done.stdout.splitlines()[7:10] == [
        "          4    0.003000  REQ → REP       ZMTP     greeting begun: it stops after 10 bytes",
        "          6    0.005000  REQ → REP       TCP      FIN: closes, it sends no more",
        "          8    0.007000  REP → REQ       TCP      FIN: closes, it sends no more",
    ]
    said = list(story_lines("x", told(Talk().open().say(0, greeting()[:40]).capture)))
    assert said[-2].endswith("greeting begun, ZMTP 3.1: it stops after 40 of 64 bytes")
    said = list(story_lines("x", told(Talk().open().say(1, greeting()[:1]).close().capture)))
    assert said[-3].endswith("REP → REQ       ZMTP     greeting begun: it stops after 1 byte")
    assert said[1] == "1 connection is only guessed to be ZMTP, by its port"
    assert said[3].endswith(", types by the port, a guess: no whole greeting proves it")
    talk = Talk().shake().say(1, frame(b"", 1) + frame(b"x" * 500)[:300])
    said = list(story_lines("x", told(talk.capture)))
    begun = "message begun: it stops after 1 ZMTP frame, 291 bytes"
    assert said[-2].endswith(f"REP → REQ       ZMTP     {begun}")
