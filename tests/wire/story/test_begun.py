"""What a side began is told as what it sent; what the capture lacks, as missing."""

from story.begun import begun, lost
from story.pending import Pending
from tcp.connection import StreamEvent
from wire_packets import ACK, Talk, frame, greeting, told
from zmtp.frames import Begun, Frame

NEVER = "not in the capture"
LONG = frame(b"x" * 500)
LAST = StreamEvent("data", 9, 0.5)


def test_nothing_is_begun_behind_a_whole_message() -> None:
    assert begun("a", Pending(), None, LAST) is None
    assert lost("a", Pending(), 0, LAST) is None


def test_whole_frames_and_the_part_of_one_are_told_together() -> None:
    pending = Pending()
    for number in 3, 4:
        pending.add(Frame(number, number, 0.1, 1, 10, b"x" * 10, 0))
    event = begun("a", pending, Begun(5, 7, 20, 2, 0), LAST)
    assert event and (event.kind, event.size, event.whole) == ("message-begun", 27, 20)
    assert (event.frames, event.first_packet, event.packet) == (2, 3, 9)
    assert event.note == "2 of its bytes are not in the capture"
    event = lost("a", pending, 1, LAST)
    assert event and (event.kind, event.size, event.packet) == ("gap", 21, 9)
    assert event.note.startswith("begin a message, 2 of its ZMTP frames and a part")


def test_bytes_that_are_missing_are_no_side_that_stops() -> None:
    talk = Talk().open().say(0, greeting()[:10])
    talk.add(0, ACK, greeting()[10:40], skip=True)
    talk.say(0, greeting()[40:]).say(1, greeting())
    events = told(talk.close().capture).connections[0].events
    said = [(event.kind, event.size, event.note) for event in events if event.kind == "gap"]
    assert said[:2] == [
        ("gap", 10, "begins a greeting, of which bytes are missing"),
        ("gap", 30, NEVER),
    ]
    assert said[2][:2] == ("gap", 24)
    assert not any(event.kind.endswith("-begun") for event in events)


def test_of_what_was_begun_and_lacks_bytes_both_is_told() -> None:
    talk = Talk().open().say(0, greeting()[:20])
    talk.add(0, ACK, greeting()[20:40], skip=True)
    talk.add(1, ACK)
    events = told(talk.close().capture).connections[0].events
    said = [(e.kind, e.size, e.note) for e in events if e.kind in ("gap", "greeting-begun")]
    lacking = "20 of its bytes are not in the capture"
    assert said == [("gap", 20, NEVER), ("greeting-begun", 40, lacking)]
    talk = Talk().shake().say(0, frame(b"", 1) + LONG[:3])
    talk.add(0, ACK, LONG[3:200], skip=True)
    talk.say(0, LONG[200:300]).add(1, ACK)
    events = told(talk.close().capture).connections[0].events
    assert [(event.packet, event.size) for event in events if event.kind == "gap"] == [
        (8, 3),
        (9, 197),
        (9, 100),
    ]
