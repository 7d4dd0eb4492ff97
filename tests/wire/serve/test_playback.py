"""The live page, as who sits before it sees it: by role and text, in Chromium."""

import asyncio
import re
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from command import wirezmq
from conftest import LIMIT, wait_for
from screen import LAB, Serve, events, lane, opened, status, steps
from serve.app import Lines
from wire_packets import questions

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def test_step_by_step(serve: Serve, page: Page) -> None:
    served = serve(LAB)
    assert served.first == f"{served.url[:-1]} plays {LAB}, Ctrl-C ends it\n"
    opened(page, served.url)
    expect(page.get_by_text("→ shows the next step, Space plays.")).to_be_visible()
    steps(page, 1)
    expect(events(page)).to_have_count(1)
    expect(events(page).first).to_have_accessible_name(
        "Packet 1, PULL → PUSH: SYN: asks for a TCP connection"
    )
    bytes_ = page.get_by_role("region", name="Bytes")
    expect(bytes_).to_contain_text("This is TCP alone: no byte of ZMTP is in it.")
    steps(page, 3)
    expect(events(page)).to_have_count(4)
    row = bytes_.get_by_role("row").filter(has_text="signature")
    expect(row).to_contain_text("ff 00 00 00 00 00 00 00 01 7f")
    page.keyboard.press("ArrowLeft")
    expect(events(page)).to_have_count(3)
    page.keyboard.press("g")
    page.keyboard.type("26")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("2  REQ → REP")
    expect(events(page)).to_have_count(9)
    expect(events(page).last).to_have_accessible_name(re.compile('Packet 26, .*reply "World"'))
    page.keyboard.press("Home")
    expect(events(page)).to_have_count(0)
    assert served.interrupt() == "\nended\n"


def test_what_plays_selects_nothing_though_a_place_comes_late(serve: Serve, page: Page) -> None:
    late: list[Route] = []
    page.route(re.compile(r"/play\?.*packet="), lambda route: late.append(route))
    opened(page, f"{serve(LAB).url}?packet=14")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    wait_for(lambda: page.evaluate("true") and late)  # which lets Playwright hear, too
    late[0].continue_()
    expect(page.locator("#packet")).to_have_value(re.compile(r"1[5-9]|[2-9]\d"))
    expect(page.get_by_role("region", name="Bytes")).to_contain_text("Press an arrow")


def test_bytes_as_the_handout_has_them(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    page.keyboard.press("End")
    page.get_by_role("tab", name="2  REQ").click()
    events(page).filter(has_text='request "Hello"').click()
    rows = page.get_by_role("region", name="Bytes").get_by_role("row")
    assert [cells(row) for row in rows.all()] == [
        ["Part", "Bytes", "As text", "Meaning"],
        ["flags", "01", "·", "more frames follow"],
        ["size", "00", "·", "0 bytes follow: the empty delimiter"],
        ["flags", "00", "·", "the last frame"],
        ["size", "05", "·", "5 bytes follow"],
        ["body", "48 65 6c 6c 6f", "Hello", "Hello"],
    ]
    page.keyboard.press("ArrowUp")  # READY, by keyboard
    expect(rows.filter(has_text="property")).to_contain_text("11 bytes: Socket-Type")
    page.get_by_role("tab", name="1  PULL").click()
    events(page).filter(has_text="5 jobs").click()
    assert [cells(row)[1] for row in rows.all()][1:] == ["00", "05", "80 04", "4b 03", "2e"]


def cells(row: Locator) -> list[str]:
    return [cell.inner_text() for cell in row.locator("th, td").all()]


def test_the_diagram_is_that_of_the_page_for_a_report(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    opened(page, serve(LAB).url)
    page.keyboard.press("End")
    wirezmq(LAB, "--html", "page.html", cwd=tmp_path)
    report = page.context.new_page()
    report.goto("about:blank")
    report.set_content((tmp_path / "page.html").read_text())
    page.bring_to_front()
    expect(page.get_by_role("tab")).to_have_count(4)
    for number in (1, 2, 3):
        page.get_by_role("tab", name=f"{number}  ").click()
        expect(page.locator("#heading")).to_contain_text(f"{number}. ")
        drawn = DRAWN.replace("ROOT", "#scroll")
        theirs = DRAWN.replace("ROOT", f"details.connection:nth-of-type({number}) figure")
        assert page.evaluate(drawn) == report.evaluate(theirs)


# What is drawn: every text, and the class and the way of every line.
DRAWN = """[...document.querySelectorAll("ROOT :is(text:not(.fold), path)")]
  .map((shape) => [shape.getAttribute("class"), shape.getAttribute("d"), shape.textContent])"""


@pytest.mark.parametrize("speed", ["1", "20"])
def test_played_to_its_end(speed: str, serve: Serve, page: Page) -> None:
    """One packet after the other."""
    opened(page, serve(LAB).url)
    page.get_by_label("Speed").select_option(speed)
    page.evaluate(COUNTED)
    page.keyboard.press("Space")
    status(page, "the end of the capture")
    expect(page.get_by_role("tab")).to_have_count(4)
    expect(page.locator("#counts")).to_have_text(re.compile(r"packet 70, 4\.67\d* s"))
    shown = page.evaluate("counted")
    assert shown == sorted(shown) and shown[-1] == 70
    assert len(set(shown)) > 4 or speed == "20"  # step by step, and not all at once


# The numbers of the packets that are shown, one after the other.
COUNTED = """() => {
  window.counted = [];
  new MutationObserver(() => {
    counted.push(parseInt(document.getElementById("counts").textContent.slice("packet ".length)));
  }).observe(document.getElementById("counts"), {
    subtree: true, childList: true, characterData: true
  });
}"""


def test_what_is_picked_out(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    page.keyboard.press("End")
    page.get_by_label("Pattern").select_option("PUB-SUB")
    expect(lane(page, "PUB-SUB")).to_be_visible()
    expect(lane(page, "REQ-REP")).not_to_be_visible()
    expect(page.get_by_role("tab")).to_have_text(["All", "○ 3  SUB → PUB"])
    expect(page.get_by_label("Topic").locator("option")).to_have_text(["all", "WAKTU"])
    page.get_by_label("Topic").select_option("WAKTU")
    expect(events(page)).to_have_count(11)
    page.locator("body").press("0")
    expect(lane(page, "REQ-REP")).to_be_visible()
    page.locator("body").press("[")
    page.locator("body").press("d")
    expect(page.get_by_role("region", name="The lab")).not_to_be_visible()
    page.locator("body").press("b")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("body").press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.locator("body").press("?")
    expect(page.get_by_role("dialog", name="Keys and signs")).to_contain_text(
        "go to a packet number"
    )


def test_a_long_connection_says_what_it_leaves_out(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(400))
    opened(page, serve("long.pcap").url)
    page.keyboard.press("End")
    status(page, "the end of the capture")
    expect(page.get_by_role("listbox")).to_contain_text("more events, which zmq.html tells")
    expect(events(page)).to_have_count(120)
    page.keyboard.press("[")
    hidden = page.evaluate(HIDDEN)
    for _ in range(40):  # up, through more than is in sight
        page.keyboard.press("ArrowUp")
        hidden += page.evaluate(HIDDEN)
    assert hidden == 0


# Whether the arrow whose bytes are shown is under the head of the diagram.
HIDDEN = """(() => {
  const box = (where) => document.querySelector(where).getBoundingClientRect();
  return +(box("[role=option][aria-selected=true]").top < box("#scroll .head").bottom - 5);
})()"""


def test_a_leap_while_it_plays_is_the_last_word(serve: Serve, page: Page, tmp_path: Path) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(6000))
    opened(page, serve("long.pcap").url)
    page.evaluate(SLOW)
    page.get_by_label("Speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    wait_for(lambda: page.evaluate("asked") > 2)  # it has shown some, and asks for more
    page.keyboard.press("Home")
    for _ in range(10):
        page.wait_for_timeout(100)
        assert page.get_by_role("status").inner_text() == "stopped"
    expect(page.locator("#counts")).to_have_text("packet 0, 0.000000 s")


# Every piece of a capture comes a while after it was asked for.
SLOW = """() => {
  window.asked = 0;
  const read = ReadableStreamDefaultReader.prototype.read;
  ReadableStreamDefaultReader.prototype.read = async function () {
    asked += 1;
    await new Promise((done) => setTimeout(done, 100));
    return read.call(this);
  };
}"""


def test_lines_that_a_thread_still_reads_when_the_server_ends() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def lines() -> Generator[bytes]:
        begun.set()
        go_on.wait(LIMIT)
        yield b"{}\n"

    async def nothing(*_: object) -> Any:
        await asyncio.sleep(LIMIT)

    async def sent(_: object) -> None:
        pass

    async def ends() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, wrong: said.append(wrong))
        scope = {"type": "http", "asgi": {"spec_version": "2.0"}}
        tasks.append(asyncio.create_task(Lines(lines())(scope, nothing, sent)))
        await asyncio.to_thread(begun.wait, LIMIT)

    tasks: list[asyncio.Task[None]] = []
    said: list[object] = []
    with ThreadPoolExecutor(1) as other:  # in this thread Playwright has a loop
        other.submit(asyncio.run, ends()).result(LIMIT)  # which cancels what is under way
    go_on.set()
    assert said == [] and tasks[0].cancelled()
