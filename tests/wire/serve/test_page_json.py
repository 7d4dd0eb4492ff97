"""The live page and those who mean harm, are slow, or are many."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import hostile
from screen import LAB, Serve, opened, status
from serve.page_state import PageState
from wire_packets import Talk, frame, greeting, pcap, read, ready
from zmtp.patterns import PORTS

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def corpus() -> bytes:
    """Every attack of the tests, as a capture, from each kind of peer."""
    packets: list[bytes] = []
    port = 1024
    large = ("500", "many", "without end", "largest")
    pairs = ("REQ", "REP", 5555), ("SUB", "PUB", 12345), ("PULL", "PUSH", 9999)
    for us, them, server in (*pairs, ("DEALER", "ROUTER", 7)):
        for side, name in ((0, us), (1, them)):
            for attack, connections in hostile.attacks(name).items():
                if any(word in attack for word in large):
                    continue
                for said in connections()[:3]:
                    port += 1
                    talk = Talk((bytes((10, 0, 0, 2)), port), (bytes((10, 0, 0, 3)), server)).open()
                    talk.say(1 - side, hostile.handshake(them if side == 0 else us))
                    talk.say(side, *(said[at : at + 1400] for at in range(0, len(said), 1400)))
                    packets += talk.close().packets
    shown = Talk().shake(b"REQ" + hostile.TEXT, b"<b>REP</b>")
    shown.say(0, ready(b"<i>", hostile.TEXT), frame(b"", 1) + frame(hostile.TEXT))
    return pcap(packets + shown.packets)


def test_the_hostile_corpus_in_a_real_browser(
    serve: Serve, browser: Browser, tmp_path: Path
) -> None:
    name = "<img src=x onerror=alert(1)>.pcap"
    (tmp_path / name).write_bytes(corpus())
    served = serve(name)
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    dialogs: list[object] = []
    urls: set[str] = set()
    page.on("dialog", lambda dialog: dialogs.append(dialog))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda asked: urls.add(asked.url))
    opened(page, served.url)
    kinds = "() => [...new Set([...document.querySelectorAll('*')].map((e) => e.tagName))].sort()"
    before = set(page.evaluate(kinds))
    page.keyboard.press("End")
    status(page, "the end of the capture")
    tabs = page.get_by_role("tab")
    assert tabs.count() > 100
    for at in range(0, tabs.count(), 5):
        tabs.nth(at).click()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    tabs.first.click()
    alert = "<script>alert(1)</script><img src=x>"
    page.get_by_role("option", name=alert).last.click()
    expect(page.get_by_role("region", name="Bytes")).to_contain_text(alert)
    ours = {"svg", "g", "path", "rect", "text", "LI", "TR", "TH", "TD", "B", "SPAN", "BUTTON"}
    assert set(page.evaluate(kinds)) - before <= ours | {"OPTION"}
    assert page.evaluate("document.querySelectorAll('img, body script, [onerror]').length") == 0
    assert not set("\x1b\x07\u202e") & set(page.content())
    assert (wrong, dialogs) == ([], [])
    assert all(url.startswith(served.url) for url in urls)
    context.close()


def test_a_capture_that_is_damaged_says_so(serve: Serve, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(LAB.read_bytes()[:-7])
    page = browser.new_page()
    opened(page, serve("cut.pcap").url)
    page.keyboard.press("End")
    status(page, "the capture is cut short in packet 70")
    page.close()


def test_what_was_begun_is_a_row_of_its_packet() -> None:
    state, talk = PageState(PORTS), Talk().open().say(0, greeting()[:10]).say(1, greeting())
    for packet in read(talk.close().capture):
        state.feed(packet)
    state.end()
    pieces = state.whole()
    rows = [row for piece in pieces for row in piece.get("rows", [])]
    assert [row["packets"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7"]
    begun = "greeting begun: it stops after 10 bytes"
    assert (rows[3]["who"], rows[3]["said"]) == ("REQ → REP", begun)
    assert [octets[0] for octets in rows[3]["octets"]] == ["signature"]
    (event,) = [each for each in pieces[0]["events"] if each["packet"] == 4]
    assert (event["said"], event["onward"]) == (begun, True)
