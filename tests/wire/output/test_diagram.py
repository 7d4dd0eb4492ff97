"""The page of a capture, as its reader, its printer and an attacker would have it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from output.diagram import COLUMNS, RIGHT, columns, diagram, label
from pages import CLIENT, SERVER, drawings, hostile_story, page, story_of
from safe import printable
from story.model import KINDS, Connection, Event
from wire_packets import Talk, frame, greeting, told


def test_phases_and_sides_are_named_in_the_diagram() -> None:
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"Hello")).close()
    (svg,) = [svg for svg in drawings(page(told(talk.capture))) if svg.findall("title")]
    phases = [text.text for text in svg.findall("*/*[@class='phase']")]
    names = ["TCP handshake: 2.00 ms", "ZMTP handshake: 3.00 ms", "Messages", "TCP close"]
    assert phases == names
    boxes = [text.text for text in svg.iter() if text.get("class") in ("role", "name", "small")]
    assert boxes == ["REQ", CLIENT, "REP", SERVER]
    looks = [path.get("class") for path in svg.findall("g/path")]
    looks = [look for look in looks if look != "life"]
    assert looks == ["tcp"] * 3 + ["zmtp"] * 4 + ["message"] + ["tcp"] * 2
    assert svg.find("title") is not None and svg.find("desc") is not None


def test_what_is_missing_is_dashed_and_said() -> None:
    events = [Event(1, 0, CLIENT, "late"), Event(3, 0, SERVER, "gap", size=4000)]
    html = page(story_of(*events))
    (svg,) = [svg for svg in drawings(html) if svg.findall("title")]
    looks = [path.get("class") for path in svg.findall("g/path")]
    assert [look for look in looks if look != "life"] == ["missing", "missing"]
    assert "4,000 bytes" in html
    assert "Not in the capture" in html


def test_a_run_is_one_arrow_with_its_count_and_range() -> None:
    run = Event(9, 1.0, SERVER, "published", "WAKTU 1", count=60, last_packet=120, last_time=60.0)
    run.texts, run.last_text, run.topic = ["WAKTU 1", "WAKTU 2"], "WAKTU 60", "WAKTU"
    run.same = False
    html = page(story_of(run, types=("SUB", "PUB")))
    (svg,) = [svg for svg in drawings(html) if svg.findall("title")]
    assert [text.text for text in svg.findall("*/*[@class='packet']")] == ["Packet", "9–120"]
    assert "60 messages published under WAKTU, 1.0/s" in html


@settings(max_examples=40)
@given(st.text(max_size=300), st.sampled_from(list(KINDS)))
def test_a_line_of_a_diagram_fits_between_the_lifelines(text: str, kind: str) -> None:
    for event in (
        hostile_story(printable(text.encode(errors="replace")), kind).connections[0].events
    ):
        lines = label(event)
        assert 1 <= len(lines) <= 2
        assert all(columns(line) <= COLUMNS for line in lines)


def test_long_addresses_are_broken_inside_their_box() -> None:
    connection = Connection(1, "[fd00:1111:2222:3333:4444:5555:6666:7777]:40000", SERVER)
    connection.events = [Event(1, 0, SERVER, "late")]
    (part,) = diagram(connection)
    small = [shape.text for _, shapes in part.placed for shape in shapes if shape.kind == "small"]
    assert small == ["[fd00:1111:2222:3333:4444", ":5555:6666:7777]:40000", SERVER]


def test_what_was_begun_is_drawn_from_its_sender_in_its_packet() -> None:
    talk = Talk().open().say(1, greeting()[:10]).close()
    (svg,) = [svg for svg in drawings(page(told(talk.capture))) if svg.findall("title")]
    packets = [text.text for text in svg.findall("*/*[@class='packet']")]
    assert packets == ["Packet", "1", "2", "3", "4", "5", "6"]
    phases = [str(text.text).partition(":")[0] for text in svg.findall("*/*[@class='phase']")]
    assert phases == ["TCP handshake", "ZMTP handshake", "TCP close"]
    (drawn,) = [path.get("d") or "" for path in svg.findall("g/path[@class='bad']")]
    assert drawn.startswith(f"M{RIGHT},")
