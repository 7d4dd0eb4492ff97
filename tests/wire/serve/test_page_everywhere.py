"""The live page on every screen, in both languages, in many windows."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from command import wirezmq
from output.language import preferred
from screen import LAB, Serve, ended, events, lane, nodes, opened, pick, status
from timed import workers
from wire_packets import Talk, frame, pcap

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it

# Widths at which something is arranged anew, and those on both sides of them.
WIDTHS = (360, 390, 600, 601, 760, 761, 900, 959, 1059, 1060, 1061, 1280, 1920)


@contextmanager
def speaking(browser: Browser, locale: str) -> Iterator[Page]:
    """A page in a browser that would rather have this language."""
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 720})
    yield context.new_page()
    context.close()


# --- on every screen -------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["en-US", "id-ID"])
def test_nothing_is_cut_off(serve: Serve, browser: Browser, locale: str) -> None:
    with speaking(browser, locale) as page:
        opened(page, serve(LAB).url)
        page.keyboard.press("End")
        expect(page.get_by_role("tab")).to_have_count(4)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, width
            assert page.evaluate(CUT) == [], width


@pytest.mark.parametrize("locale", ["en-US", "id-ID"])
def test_what_to_type_is_read_on_every_screen(serve: Serve, browser: Browser, locale: str) -> None:
    with speaking(browser, locale) as page:
        opened(page, serve("--live", "br-none").url)
        hints = page.locator(".wire .empty")
        expect(hints).to_have_count(3)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 720})
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
            for hint in hints.all():
                inside = (
                    "(e) => [e, e.closest('.wire')].map((each) => each.getBoundingClientRect())"
                )
                text, wire = hint.evaluate(inside)
                assert wire["top"] <= text["top"] and text["bottom"] <= wire["bottom"], width
                over = """(e) => [...e.closest('.wire').querySelectorAll('.unseen')].some((n) => {
                  const a = n.getBoundingClientRect(), b = e.getBoundingClientRect();
                  return a.bottom > b.top + 1 && b.bottom > a.top + 1
                    && a.right > b.left + 1 && b.right > a.left + 1; })"""
                assert not hint.evaluate(over), width


# What of the lab, or of the controls, is beyond the side of the screen, or larger than its box.
CUT = """[...document.querySelectorAll(
    "header *, .lane h2, .port, .rate, .plot, .node button, .node .role, .node .sign, #signs li")]
  .filter((each) => each.getClientRects().length)
  .filter((each) => {
    const box = each.getBoundingClientRect();
    const cut = each.matches(".role, h2, .port") && each.scrollWidth > each.clientWidth + 1;
    return cut || box.left < -1 || box.right > innerWidth + 1;
  })
  .map((each) => each.outerHTML.slice(0, 80))"""


def test_the_view_for_projecting_has_no_fewer_workers(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    packets = [data for talk in workers(12, 12) for data in talk.packets]
    (tmp_path / "twelve.pcap").write_bytes(pcap(packets))
    url = serve("twelve.pcap").url
    for size in ({"width": 1920, "height": 1080}, {"width": 1280, "height": 720}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        opened(page, url)
        page.keyboard.press("0")
        ended(page)
        pull = nodes(page, "PUSH-PULL")
        expect(pull).not_to_have_count(0)
        both = pull.count()
        page.keyboard.press("l")
        expect(page.get_by_role("tab")).to_have_count(0)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        assert pull.count() >= both


def test_the_chosen_row_is_not_under_the_bytes_on_a_phone(serve: Serve, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    opened(page, serve(LAB).url)
    ended(page)
    page.get_by_role("tab", name="2  REQ").click()
    for key in ["ArrowUp"] * 6 + ["ArrowDown"] * 9:
        page.keyboard.press(key)
        row = page.locator("#scroll").get_by_role("option", selected=True).bounding_box()
        panel = page.get_by_role("region", name="Bytes").bounding_box()
        assert row and panel and row["y"] + row["height"] <= panel["y"] + 1


def test_other_sockets_begin_with_their_own_lane(serve: Serve, page: Page, tmp_path: Path) -> None:
    talk = Talk(server=(bytes((10, 0, 0, 3)), 7777)).shake(b"DEALER", b"ROUTER")
    (tmp_path / "dealer.pcap").write_bytes(talk.say(0, frame(b"hello")).capture)
    opened(page, serve("dealer.pcap").url)
    ended(page)
    expect(page.get_by_role("region", name="The lab").get_by_role("region")).to_have_count(1)
    expect(nodes(page, "DEALER-ROUTER").first).to_contain_text("1 out")


# --- in both languages -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("id", "id"),
        ("id-ID,id;q=0.9,en-US;q=0.8,en;q=0.7", "id"),
        ("en-US,en;q=0.9,id;q=0.8", "en"),
        ("fr,id;q=0.5,en;q=0.1", "id"),
        ("in", "id"),
        ("*;q=0.1, de", "en"),
        ("id;q=x", "en"),
        ("\x00;;,,=", "en"),
    ],
)
def test_which_language_a_browser_would_rather_have(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_indonesian_is_indonesian(serve: Serve, browser: Browser) -> None:
    served = serve(LAB)
    with speaking(browser, "id-ID") as page:
        opened(page, served.url)
        assert page.evaluate("document.documentElement.lang") == "id"
        page.keyboard.press("End")
        status(page, "^akhir rekaman$")
        expect(page.locator("#counts")).to_have_text("paket 70, 4,674713 s")
        page.get_by_role("tab", name="2  REQ").click()
        titles = page.locator(".phase").all_text_contents()
        assert re.fullmatch(r"Handshake TCP: 0,0\d ms", titles[0])
        assert titles[2:] == ["Pesan", "Penutupan TCP"]
        expect(page.locator("#heading")).to_contain_text("terhubung ke REP 127.0.0.1:5555")
        told = 'permintaan "Hello" sesudah delimiter kosong'
        page.get_by_role("option", name=told).click()
        panel = page.get_by_role("region", name="Byte")
        expect(panel.get_by_role("row").nth(1)).to_contain_text("masih ada frame berikutnya")
        expect(panel.get_by_role("row").nth(2)).to_contain_text("0 byte menyusul: delimiter kosong")
        expect(events(page).last).to_contain_text("FIN: menutup, tidak mengirim lagi")
        expect(lane(page, "PUSH-PULL")).to_contain_text("5 pekerjaan")
        told = page.locator("body").inner_text()
        for english in ("handshake:", "closes", "job 2", "packet", "connected", "left"):
            assert english not in told
    # what is kept is in the same language; another browser has its own
    for language, word in (("id", "permintaan"), ("en", "request")):
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", "/zmq.html", headers={"Accept-Language": language})
        assert f"{word} &#34;Hello&#34;" in connection.getresponse().read().decode()
    with speaking(browser, "en-GB") as page:
        opened(page, served.url)
        page.keyboard.press("End")
        status(page, "^the end of the capture$")
    # the command line has the last word
    with speaking(browser, "id-ID") as page:
        opened(page, serve(LAB, "--lang", "en").url)
        page.keyboard.press("End")
        status(page, "^the end of the capture$")


def test_two_languages_live(serve: Serve, browser: Browser, published: Any) -> None:
    url = serve("--live", "lo").url
    with speaking(browser, "id-ID") as indonesian, speaking(browser, "en-US") as english:
        indonesian.goto(url)
        english.goto(url)
        status(indonesian, "^langsung$")
        status(english, "^live$")
        pair = published()
        for page in indonesian, english:
            pick(page, pair.port)
        pair.send("1.234")
        expect(events(indonesian).filter(has_text="terbitan")).not_to_have_count(0)
        expect(events(english).filter(has_text="published")).not_to_have_count(0)


# --- windows, files, and what is meant -------------------------------------------------------


def test_a_seventh_window_does_not_hang(serve: Serve, browser: Browser, published: Any) -> None:
    url = serve("--live", "lo").url
    context = browser.new_context()
    windows = [context.new_page() for _ in range(7)]
    for window in windows:
        window.goto(url)
        status(window, "^live$")
    pair = published()
    for window in windows:
        pick(window, pair.port)
    pair.send("to all of them")
    for window in windows:
        expect(events(window).filter(has_text="to all of them")).not_to_have_count(0)
    context.close()


def test_seven_windows_that_play(serve: Serve, browser: Browser) -> None:
    url = serve(LAB).url
    context = browser.new_context()
    windows = [context.new_page() for _ in range(7)]
    for window in windows:
        opened(window, url)
        window.keyboard.press("ArrowRight")
        expect(events(window)).to_have_count(1)
    context.close()


def test_what_is_kept_has_the_name_of_the_capture(serve: Serve, page: Page, tmp_path: Path) -> None:
    name = "5025211001-ani.pcap"
    (tmp_path / name).write_bytes(LAB.read_bytes())
    (tmp_path / "lain.pcap").write_bytes(LAB.read_bytes())
    served = serve("lain.pcap", name)
    opened(page, f"{served.url}?capture=1")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    for link, kind in ((name, "pcap"), ("5025211001-ani.html", "html")):
        kept = page.get_by_role("link", name=link)
        expect(kept).to_have_attribute("download", link)
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", str(kept.get_attribute("href")))
        reply = connection.getresponse()
        assert link in str(reply.headers["Content-Disposition"])
        assert reply.read(4) == {"pcap": b"\xd4\xc3\xb2\xa1", "html": b"<!DO"}[kind]


def test_a_port_that_stands_alone(tmp_path: Path) -> None:
    done = wirezmq("--serve", "8098", cwd=tmp_path)
    assert done.stderr == (
        "wirezmq.py: 8098: No such file or directory: "
        "a port is written with =, as in --serve=8098\n"
    )
    assert done.returncode == 2


def test_no_file_where_one_stands(serve: Serve, tmp_path: Path) -> None:
    served = serve("--live", "lo")
    status_file = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    assert list(tmp_path.iterdir()) == []
    everyone = [str(served.process.pid), *status_file.read_text().split()]
    for process in everyone:
        for fd in Path(f"/proc/{process}/fd").iterdir():
            assert not str(fd.resolve()).startswith(str(tmp_path)), fd.resolve()
