"""The page of a capture, as its reader, its printer and an attacker would have it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, expect

from output.html import MOST, ROWS
from pages import CLIENT, drawings, hostile_story, page, story_of
from safe import printable
from story.model import KINDS, Event
from wire_packets import CAPTURES, Talk, frame, greeting, told

OURS = set(
    "html head meta title style body header main h1 h2 p strong ul li table caption thead tbody"
    " tr th td a details summary figure code span svg g desc rect path text div section label input"
    " textarea".split()
)


VOID = {"meta", "input"}


HOSTILE = "<script>alert(1)</script> \"a\" 'b' & ]]> --> </style></svg> <img src='//evil.invalid/'>"


class Reader(HTMLParser):
    """Reads a page strictly: every element is ours and is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in OURS
        for name, value in attributes:
            assert not name.startswith("on")
            assert name not in ("src", "style", "xlink:href")
            if name == "href":
                assert value and value.startswith("#c")
                self.links.add(value[1:])
            if name == "id":
                self.ids.append(value or "")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect") or self.open[-1] == tag:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open[-2:] if "span" in self.open else self.open[-1:]):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "text":
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.fixture(scope="module")
def lab_page() -> str:
    """The page of the capture that is kept beside these tests."""
    return page(told((CAPTURES / "lab.pcap").read_bytes()))


def test_every_event_is_in_the_table_and_in_the_diagram(lab_page: str) -> None:
    story = told((CAPTURES / "lab.pcap").read_bytes())
    reader = Reader(lab_page)
    rows = [row for row in reader.rows if len(row) == 5 and row[0] != "Packet"]
    events = [event for connection in story.connections for event in connection.events]
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        assert row[0].split("–")[0] == str(event.packet)
        assert row[1] == f"{event.time:.6f}"
        assert row[2] == event.layer
    arrows = [line for svg in drawings(lab_page) for line in svg.findall("*/*[@class='packet']")]
    assert [arrow.text for arrow in arrows if arrow.text != "Packet"] == [row[0] for row in rows]


def test_the_page_says_what_it_is_about(lab_page: str) -> None:
    story = told((CAPTURES / "lab.pcap").read_bytes())
    assert lab_page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert '<meta charset="utf-8">' in lab_page
    assert "<title>lab.pcap – ZMTP story</title>" in lab_page
    assert f"{story.packets:,} packets" in lab_page
    for pattern in ("REQ-REP", "PUB-SUB", "PUSH-PULL"):
        count = sum(connection.pattern == pattern for connection in story.connections)
        assert f"{count} {pattern}" in lab_page
    assert "PSH and ACK" in lab_page
    reader = Reader(lab_page)
    assert reader.links <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    for words in ("REQ → REP", 'request "Hello" after the empty delimiter', "SYN", "READY"):
        assert words in lab_page.replace("&#34;", '"')


def test_a_report_has_room_for_what_is_ones_own(lab_page: str) -> None:
    for words in ("Name<input", "Number<input", "in my own words<textarea"):
        assert lab_page.count(words) == 1
    assert lab_page.count("My remarks on this connection<textarea") == 3
    assert "A PDF for the report" in lab_page


def test_all_connections_stand_on_one_axis_of_time(lab_page: str) -> None:
    (axis,) = [svg for svg in drawings(lab_page) if svg.findall("*[@class='lane']")]
    lanes = [text.text for text in axis.findall("*[@class='lane']")]
    assert lanes == ["1. PUSH-PULL", "2. REQ-REP", "3. PUB-SUB"]
    ticks = [text.text for text in axis.findall("*[@class='tick']")]
    assert ticks == ["0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4", "4.5"]
    runs = [bar for bar in axis.findall("*[@class='message']") if float(bar.get("width", 0)) > 500]
    assert len(runs) == 2  # jobs and messages, over the four seconds in which they came


def test_the_bytes_of_each_message_are_there_to_unfold() -> None:
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"Hello"))
    html = page(told(talk.capture))
    shown = html[html.index("request &#34;Hello&#34; after") :]
    parts = re.findall("<span>(.*?)</span><code>(.*?)</code><span>(.*?)</span>", shown)
    assert parts == [
        ("flags", "01", "more frames follow"),
        ("size", "00", "0 bytes follow: the empty delimiter"),
        ("flags", "00", "the last frame"),
        ("size", "05", "5 bytes follow"),
        ("body", "48 65 6c 6c 6f", "Hello"),
    ]


def test_long_texts_are_shortened_and_their_size_is_given() -> None:
    event = Event(9, 1.0, CLIENT, "request", "x" * 1000, size=100_000)
    html = page(story_of(event))
    assert "x" * 200 not in html
    assert html.count("…&#34;, 100,000 bytes") == 2


def test_long_connections_and_very_many_of_them_stay_readable() -> None:
    events = [Event(at, at, CLIENT, "request", f"number {at}") for at in range(1, 2000)]
    html = page(story_of(*events))
    assert f"{1999 - ROWS:,} more events" in html
    assert "number 1999" in html
    story = story_of()
    story.connections *= 2000
    html = page(story)
    assert html.count('<details class="connection">') == MOST
    assert " open>" not in html
    assert f"This page tells the first {MOST} connections." in html


def test_a_capture_without_zmtp() -> None:
    html = page(told(Talk().open().capture))
    Reader(html)
    assert "0 ZMTP connections.</p>" in html


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_is_only_text(kind: str) -> None:
    html = page(hostile_story(HOSTILE, kind), name=HOSTILE)
    Reader(html)
    assert drawings(html)
    assert "<script" not in html and "]]>" not in html


@settings(max_examples=40)
@given(st.binary(max_size=80), st.sampled_from(list(KINDS)))
def test_no_byte_of_a_capture_becomes_markup(data: bytes, kind: str) -> None:
    text = printable(data)
    html = page(hostile_story(text, kind), name=text)
    Reader(html)
    for svg in drawings(html):
        assert {element.tag for element in svg.iter()} <= {
            "svg", "title", "desc", "g", "rect", "path", "text"
        }  # fmt: skip


@pytest.mark.xdist_group("browser")
def test_what_is_printed(browser: Browser) -> None:
    sheet = browser.new_page()
    sheet.set_content(page(told((CAPTURES / "lab.pcap").read_bytes())))
    sheet.get_by_label("Name").fill("Siti")
    sheet.get_by_label("My remarks").first.fill("The worker asks for nothing.")
    hint, table = (
        sheet.get_by_text("A PDF for the report"),
        sheet.get_by_text("The same in words, with"),
    )
    expect(hint).to_be_visible()
    expect(table.first).to_be_visible()
    sheet.emulate_media(media="print")
    expect(sheet.get_by_label("Name")).to_have_value("Siti")
    expect(sheet.get_by_label("My remarks").first).to_be_visible()
    expect(sheet.get_by_label("My remarks").last).not_to_be_visible()  # nothing is in it
    expect(hint).not_to_be_visible()
    expect(table.first).not_to_be_visible()
    expect(sheet.locator("figure svg")).to_have_count(4)
    sheet.close()


@pytest.mark.xdist_group("browser")
def test_a_browser_shows_it_and_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    def opened(html: str) -> tuple[str, list[str], list[str | None]]:
        """Return what a browser makes of a page, its log, and how each thing asked for failed."""
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        file.chmod(0o644)
        sheet = browser.new_page()
        said: list[str] = []
        failed: list[str | None] = []
        sheet.on("console", lambda message: said.append(message.text))
        sheet.on("requestfailed", lambda request: failed.append(request.failure))
        with sheet.expect_request(lambda _: True) as asked:
            sheet.goto(file.as_uri())
        assert asked.value.url == file.as_uri()
        dom = sheet.content()
        sheet.close()
        return dom, said, failed

    story = told((CAPTURES / "lab.pcap").read_bytes())
    story.connections += hostile_story(HOSTILE, "request").connections
    html = page(story)
    dom, said, failed = opened(html)
    assert "alert(1)&lt;/script&gt;" in dom
    assert "<script" not in dom and "<img" not in dom
    for words in ("SYN: asks for a TCP connection", 'request "Hello"', "READY: socket type REP"):
        assert f">{words}</text>" in dom
    assert (said, failed) == ([], [])

    # the same page with something to load: the policy forbids it, and it would be seen
    image = '<img src="http://evil.invalid/"></main>'
    _, said, failed = opened(html.replace("</main>", image))
    assert "Content Security Policy" in said[0] and failed == ["csp"]
    _, said, failed = opened(image)
    assert failed == ["net::ERR_NAME_NOT_RESOLVED"]


def test_what_was_begun_stands_in_its_packet() -> None:
    for side, who in (0, "REQ → REP"), (1, "REP → REQ"):
        talk = Talk().open().say(side, greeting()[:10]).close()
        rows = [row for row in Reader(page(told(talk.capture))).rows if len(row) == 5]
        shown = [row[:1] + row[2:] for row in rows]
        begun = ["4", "ZMTP", who, "greeting begun: it stops after 10 bytes"]
        assert [row[:3] + [row[3].partition("\n")[0].strip()] for row in shown][4] == begun
        assert [row[0] for row in shown] == ["Packet", "1", "2", "3", "4", "5", "6"]
