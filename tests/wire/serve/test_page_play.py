"""A capture that is played: the player, and the place in it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from screen import LAB, Serve, ended, events, opened, status, steps
from timed import written
from wire_packets import Talk, frame, questions

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def position(page: Page, words: str) -> None:
    expect(page.locator("#counts")).to_have_text(re.compile(words))


def test_back_and_forth(serve: Serve, page: Page, tmp_path: Path) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(3000))
    opened(page, serve("long.pcap").url)
    page.keyboard.press("g")
    page.keyboard.type("4000")
    page.keyboard.press("Enter")
    position(page, "^packet 4,000,")
    seen = []
    for _ in range(10):  # ten presses, one after the other without a pause
        page.keyboard.press("ArrowLeft")
    position(page, "^packet 3,990,")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    position(page, "^packet 4,000,")
    # further back than what came with the place
    for _ in range(130):
        page.keyboard.press("ArrowLeft")
    position(page, "^packet 3,870,")
    expect(events(page).last).to_have_accessible_name(re.compile("Packet .*3870, REQ"))
    for words in ("3,871", "3,872"):
        page.keyboard.press("ArrowRight")
        position(page, f"^packet {words},")
        seen.append(page.get_by_role("region", name="Bytes").inner_text())
    assert all("Packet" in text for text in seen)
    page.keyboard.press("Home")
    position(page, "^packet 0,")
    page.keyboard.press("ArrowLeft")
    position(page, "^packet 0,")
    steps(page, 2)
    position(page, "^packet 2,")


def test_the_ends_of_a_capture(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    ended(page)
    position(page, "^packet 70, 4.674713 s$")
    expect(page.get_by_role("slider")).to_have_value("70")
    page.keyboard.press("Home")
    status(page, "^stopped$")
    position(page, "^packet 0, 0.000000 s$")
    expect(page.get_by_role("slider")).to_have_value("0")
    ended(page)
    page.keyboard.press("ArrowLeft")
    status(page, "^stopped$")
    page.keyboard.press("ArrowRight")
    status(page, "^the end of the capture$")
    # a slider
    page.get_by_role("slider").fill("26")
    position(page, "^packet 26,")
    expect(events(page).last).to_have_accessible_name(re.compile('Packet 26, .*reply "World"'))


def test_play_closes_the_bytes_and_follows(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    steps(page, 4)
    panel = page.get_by_role("region", name="Bytes")
    expect(panel.get_by_role("row").filter(has_text="signature")).to_be_visible()
    # a list keeps no key for itself
    page.get_by_label("Speed").select_option("20")
    before = page.locator("#counts").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#counts")).not_to_have_text(before)
    expect(page.get_by_label("Speed")).to_have_value("20")
    page.keyboard.press("Space")
    status(page, "^playing$|^the end of the capture$")
    expect(panel.get_by_role("row")).to_have_count(0)
    expect(panel).to_contain_text("Press an arrow to see its bytes")
    status(page, "^the end of the capture$")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("3  SUB → PUB")


def test_idle_time_and_a_hundred_times(serve: Serve, page: Page, tmp_path: Path) -> None:
    talk = Talk().shake()
    begun = list(talk.packets)
    hour = [talk.say(0, frame(b"", 1) + frame(b"an hour later")).packets[-1]]
    written(tmp_path / "idle.pcap", (0.0, begun), (3600.0, hour))
    opened(page, serve("idle.pcap").url)
    page.get_by_label("skip idle time").check()
    page.keyboard.press("Space")
    status(page, "^the end of the capture$")
    position(page, "3,?600.")
    page.keyboard.press("Home")
    position(page, "^packet 0,")
    page.get_by_label("skip idle time").uncheck()
    # at a hundred times the clock goes a hundred times as fast, whatever the machine does
    page.get_by_label("Speed").select_option("100")
    page.keyboard.press("Space")
    status(page, "^playing$")
    page.keyboard.press("Space")
    status(page, "^stopped$")


def test_a_hundred_times_shows_all_in_order(serve: Serve, page: Page, tmp_path: Path) -> None:
    talk = Talk().shake()
    timed = [(0.0, list(talk.packets))]
    for second in range(1, 301):  # five minutes
        asked = talk.say(0, frame(b"", 1) + frame(b"question %d" % second)).packets[-1]
        answered = talk.say(1, frame(b"", 1) + frame(b"answer %d" % second)).packets[-1]
        timed.append((float(second), [asked, answered]))
    written(tmp_path / "minutes.pcap", *timed)
    opened(page, serve("minutes.pcap").url)
    page.get_by_label("Speed").select_option("100")
    page.keyboard.press("Space")
    status(page, "^the end of the capture$")  # which is waited for 15 s, not 300
    position(page, "^packet 607,")
    page.keyboard.press("a")
    shown = page.locator("[role=option] .said").all_inner_texts()
    assert [text for text in shown if text.startswith("request")][-3:] == [
        f'request "question {at}" after the empty delimiter' for at in (298, 299, 300)
    ]
    page.keyboard.press("ArrowLeft")  # a step is a step again
    position(page, "^packet 606,")


def test_the_place_is_in_the_address(serve: Serve, page: Page, browser: Browser) -> None:
    opened(page, serve(LAB).url)
    page.keyboard.press("g")
    page.keyboard.type("26")
    page.keyboard.press("Enter")
    expect(events(page).last).to_have_accessible_name(re.compile('Packet 26, .*reply "World"'))
    page.keyboard.press("d")
    hello = page.get_by_role("option", name='request "Hello"')
    hello.click()
    page.keyboard.press("t")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    at = hello.get_attribute("data-at")
    expect(page).to_have_url(re.compile(f"step=.*connection=2&at={at}&view=diagram"))  # in a moment
    address = page.url
    page.reload()
    there = page.locator("#scroll").get_by_role("option", selected=True)
    expect(there).to_have_accessible_name(re.compile('request "Hello"'))
    position(page, "^packet 26,")
    expect(page.get_by_role("region", name="The lab")).not_to_be_visible()
    assert page.evaluate(background) == dark
    # sent to another
    other = browser.new_context().new_page()
    other.goto(address)
    sent = other.locator("#scroll").get_by_role("option", selected=True)
    expect(sent).to_have_accessible_name(re.compile('request "Hello"'))
    position(other, "^packet 26,")
    other.goto(address.partition("?")[0] + "?packet=9")  # as one may write by hand
    position(other, "^packet 9,")
    other.context.close()


def test_a_step_is_announced(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    steps(page, 3)
    announced = page.locator("[aria-live=polite]").filter(has_text="Packet 3")
    expect(announced).to_contain_text("ACK: the TCP connection is open")
