"""The picture of the lab: what stands there is what it is, and says what it means."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import wait_for
from screen import LAB, Published, Serve, ended, lane, nodes, opened, status, steps
from serve.page_json import ConnectionView
from story.model import Connection, Event
from timed import PUB, PUSH, host, said, workers, written
from wire_packets import ACK, CAPTURES, RST, SYN, Talk, frame, pcap

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def test_a_request_that_waits(serve: Serve, page: Page, tmp_path: Path) -> None:
    asking, other = Talk(), Talk(host(9), PUB)
    asking.shake()
    written(
        tmp_path / "waits.pcap",
        (0.0, list(asking.packets)),
        (1.0, said(asking, 0, frame(b"", 1) + frame(b"halo"))),
        (4.0, other.shake(b"SUB", b"PUB").packets),
        (5.0, said(asking, 1, frame(b"", 1) + frame(b"akhirnya"))),
    )
    opened(page, serve("waits.pcap").url)
    steps(page, 8)  # up to the request, which waits for no time yet
    req, rep = nodes(page, "REQ-REP").all()
    expect(req).to_contain_text("● ".strip())
    steps(page, 1)  # three seconds later
    expect(req).to_contain_text("◔")
    expect(req).to_contain_text("waits 3 s for the reply")
    expect(rep).to_contain_text("does not answer")
    expect(page.get_by_role("tab", name="◔ 1  REQ → REP")).to_be_visible()
    ended(page)
    expect(req).to_contain_text(re.compile("connected|joined"))
    expect(rep).not_to_contain_text("does not answer")


def test_a_paused_server_as_it_was(serve: Serve, page: Page) -> None:
    opened(page, serve(CAPTURES / "experiment1-server-paused-11s.pcap").url + "?packet=24")
    expect(page.get_by_role("tab").filter(has_text="REQ")).to_have_count(2)
    page.get_by_label("Speed").select_option("0.1")  # so that a slow machine sees it, too
    page.keyboard.press("Space")
    req, rep = nodes(page, "REQ-REP").all()
    expect(req).to_contain_text(re.compile(r"waits \d s for the handshake"))
    expect(rep).to_contain_text("does not answer")
    expect(page.get_by_role("tab", name="◔ 2  REQ → REP")).to_be_visible()
    ended(page)
    page.keyboard.press("a")
    told = [int(row.inner_text()) for row in page.locator("[role=option] .packet").all()]
    assert told == sorted(told)


def event(connection: Connection, kind: str, side: str, time: float) -> None:
    """Add an event to a connection, as the story does."""
    made = Event(1, time, connection.client if side == "client" else connection.server, kind)
    connection.events.append(made)
    connection.counts[kind] = connection.counts.get(kind, 0) + 1
    connection.firsts.setdefault(kind, made)
    connection.firsts.setdefault(f"{kind} {side}", made)


def test_what_a_connection_waits_for() -> None:
    connection = Connection(1, "10.0.0.2:40000", "10.0.0.3:5555", client_type="REQ")
    view = ConnectionView(connection)
    event(connection, "syn", "client", 1.0)
    assert view.waits() == {"for": "syn", "side": "client", "since": 1.0}
    event(connection, "syn-ack", "server", 1.5)
    event(connection, "ack", "client", 1.6)
    assert view.waits() == {"for": "handshake", "side": "client", "since": 1.6}
    event(connection, "greeting", "client", 1.7)
    connection.handshakes.add("greeting client")
    assert view.waits() == {"for": "handshake", "side": "client", "since": 1.7}
    event(connection, "greeting", "server", 2.0)
    event(connection, "ready", "server", 2.1)
    connection.handshakes |= {"greeting server", "done server"}
    assert view.waits() == {"for": "handshake", "side": "server", "since": 2.1}
    connection.handshakes.add("done client")
    assert view.waits() is None
    view.asked.append(3.0)
    assert view.waits() == {"for": "reply", "side": "client", "since": 3.0}
    view.open = False
    assert view.waits() is None


def test_six_workers_and_what_each_got(serve: Serve, page: Page, tmp_path: Path) -> None:
    talks = workers(6, 15)
    twice = Talk(host(1, 40001), PUSH).shake(b"PULL", b"PUSH").say(1, frame(b"\x80\x04K\x07."))
    packets = [data for talk in (*talks, twice) for data in talk.packets]
    sub = Talk(host(8), PUB).shake(b"SUB", b"PUB").say(0, frame(b"\x01WAKTU"), frame(b"\x01"))
    sub.say(1, *(frame(b"WAKTU %d" % number) for number in range(4)))
    (tmp_path / "six.pcap").write_bytes(pcap(packets + sub.packets))
    opened(page, serve("six.pcap").url)
    ended(page)
    pull = nodes(page, "PUSH-PULL")
    expect(pull).to_have_count(7)
    expect(pull.first).to_contain_text(re.compile(r"PULL ×2.*\.1.*4 jobs"))  # 3, and one more
    expect(pull.nth(5)).to_contain_text(re.compile(r"PULL.*\.1\.6.*2 jobs"))
    assert page.evaluate(CUT) == []
    expect(pull.first).to_have_attribute("title", re.compile("PULL 10.0.1.1: .* ×2"))
    expect(pull.last).to_contain_text("×7")
    expect(pull.last).to_contain_text("16 out")
    expect(nodes(page, "PUB-SUB").first).to_contain_text("4 in")
    expect(nodes(page, "PUB-SUB").first).to_contain_text("WAKTU, every topic")
    assert "zmq-pull" not in page.locator("body").inner_text()  # those are Compose's names


# What a node says of which the end cannot be read.
CUT = """[...document.querySelectorAll(".node span")]
  .filter((each) => each.scrollWidth > each.clientWidth && each.getClientRects().length)
  .map((each) => each.textContent)"""


@pytest.mark.parametrize("locale", ["en-US", "id-ID"])
def test_what_workers_did_is_read_on_every_screen(
    serve: Serve, browser: Browser, tmp_path: Path, locale: str
) -> None:
    sub, req = Talk(host(8), PUB).shake(b"SUB", b"PUB").say(0, frame(b"\x01WAKTU")), Talk().shake()
    sub.say(1, frame(b"WAKTU 1"))
    packets = [data for talk in (*workers(6, 60), sub, req) for data in talk.packets]
    (tmp_path / "six.pcap").write_bytes(pcap(packets))
    page = browser.new_page(locale=locale)
    opened(page, serve("six.pcap").url)
    page.keyboard.press("End")
    expect(page.get_by_role("tab")).to_have_count(9)
    for width in (360, 390, 600, 601, 960, 1060, 1061, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 720 if width < 1900 else 1080})
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        expect(nodes(page, "PUSH-PULL")).to_have_count(7)
        assert page.evaluate(CUT) == [], width
    page.close()


def test_who_left_goes_after_a_while(serve: Serve, page: Page, tmp_path: Path) -> None:
    first, second = (Talk(host(at), PUSH).shake(b"PULL", b"PUSH") for at in (1, 2))
    written(
        tmp_path / "left.pcap",
        (0.0, first.close().packets),
        (50.0, list(second.packets)),
        (100.0, said(second, 1, frame(b"\x80\x04K\x01."))),
    )
    opened(page, serve("left.pcap").url)
    steps(page, 16)  # the second is there
    pull = nodes(page, "PUSH-PULL")
    expect(pull).to_have_count(3)
    expect(pull.first).to_contain_text("left 49 s ago")
    ended(page)
    expect(pull).to_have_count(2)
    expect(pull.first).to_contain_text("10.0.1.2")


def test_clear_begins_anew(serve: Serve, page: Page, published: Callable[..., Published]) -> None:
    page.goto(serve("--live", "lo").url)
    status(page, "^live$")
    for words in ("zmq-req python clientzmq.py", "zmq-sub python", "zmq-pull python"):
        expect(page.get_by_text(f"docker compose -f compose/zmq.yml exec {words}")).to_be_visible()
    gone, pair = published(), published()
    gone.context.destroy(linger=0)
    sub = nodes(page, "PUB-SUB").first
    expect(page.get_by_role("tab").filter(has_text="○")).to_have_count(1)
    pair.send("WAKTU")
    expect(lane(page, "PUB-SUB")).to_contain_text("WAKTU")  # else it may come after the click
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("tab").filter(has_text="○")).to_have_count(0)
    expect(page.get_by_role("tab").filter(has_text="●")).to_have_count(1)
    expect(page.locator("#counts")).to_contain_text("0 messages")
    pair.send("WAKTU again")
    expect(sub).to_contain_text("1 in")
    expect(page.locator("#counts")).to_have_text(re.compile(", 1 message$"))


def test_signs_are_explained_and_an_end_is_no_failure(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    signs = page.get_by_role("list", name="Signs")
    for sign in ("● connected", "◔ waits", "○ not connected", "✕ refused, broken off"):
        expect(signs).to_contain_text(sign)
    expect(signs).to_contain_text("→ connects to")
    expect(signs).to_contain_text("closed")
    ended(page)
    for pattern in ("REQ-REP", "PUB-SUB", "PUSH-PULL"):
        for node in nodes(page, pattern).all():
            expect(node).to_contain_text("○")
    bad = page.evaluate("getComputedStyle(document.querySelector('#signs .bad')).color")
    assert bad not in page.evaluate(COLOURS)
    # what passed last is to be read where it passed, the time of WAKTU with it
    expect(lane(page, "PUB-SUB")).to_contain_text("◂ WAKTU Mon Nov 23 00:22:10 2026")
    expect(lane(page, "REQ-REP")).to_contain_text("apa kabar? ▸")


# The colours of what is said of the whole and of the nodes.
COLOURS = """[...document.querySelectorAll("#status, .node span")]
  .map((each) => getComputedStyle(each).color)"""


def test_a_server_that_is_not_there_is_bad(serve: Serve, page: Page, tmp_path: Path) -> None:
    talk = Talk()
    talk.add(0, SYN)
    talk.add(1, RST | ACK)
    (tmp_path / "refused.pcap").write_bytes(talk.capture)
    opened(page, serve("refused.pcap").url)
    ended(page)
    expect(nodes(page, "REQ-REP").last).to_contain_text("✕")
    expect(nodes(page, "REQ-REP").last).to_contain_text("no one listens")


def test_what_moves_does_not_lie_on_one_another(serve: Serve, page: Page, tmp_path: Path) -> None:
    subs = [Talk(host(at), PUB).shake(b"SUB", b"PUB") for at in (1, 2, 3)]
    text = frame(b"WAKTU Mon Nov 23 00:22:10 2026")
    begun = [data for sub in subs for data in sub.packets]
    at_once = [(1.0, said(sub, 1, text)) for sub in subs]
    more = [(2.5, said(sub, 1, frame(b"WAKTU again"))) for sub in subs]
    written(tmp_path / "three.pcap", (0.0, begun), *at_once, *more)
    opened(page, f"{serve('three.pcap').url}?packet={len(begun)}")
    page.evaluate(BOXES)
    page.keyboard.press("Space")
    wait_for(lambda: "◂ WAKTU again" in page.evaluate("seen.texts"))
    seen = page.evaluate("seen")
    assert len(seen["texts"]) == 2 and "◂ WAKTU Mon Nov 23 00:22:10 2026" in seen["texts"]
    assert seen["together"] >= 3  # one for each subscriber, at the same time
    assert seen["over"] == []
    ended(page)
    expect(lane(page, "PUB-SUB").locator(".rest")).to_have_count(3)


def test_what_follows_on_a_line_keeps_its_distance(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    sub = Talk(host(1), PUB).shake(b"SUB", b"PUB")
    begun = list(sub.packets)
    short, long = frame(b"T 1"), frame(b"WAKTU Mon Nov 23 00:22:10 2026")
    many = [data for text in (short, long, short, long) for data in said(sub, 1, text)]
    written(tmp_path / "line.pcap", (0.0, begun), (1.0, many), (4.0, said(sub, 1, frame(b"end"))))
    opened(page, f"{serve('line.pcap').url}?packet={len(begun)}")
    page.keyboard.press("l")  # a long way
    page.evaluate(BOXES)
    page.keyboard.press("Space")
    wait_for(lambda: "◂ end" in page.evaluate("seen.texts"))
    seen = page.evaluate("seen")
    assert len(seen["texts"]) == 3 and seen["over"] == []


# Looks at all that moves, as it begins and in each frame of the screen: which texts, how many,
# which lie on others.
BOXES = """() => {
  window.seen = { texts: [], together: 0, over: [] };
  const look = () => {
    const tokens = [...document.querySelectorAll(".token.message:not(.rest)")];
    seen.together = Math.max(seen.together, tokens.length);
    const boxes = tokens.map((token) => token.getBoundingClientRect());
    for (const token of tokens)
      if (!seen.texts.includes(token.textContent)) seen.texts.push(token.textContent);
    for (let a = 0; a < boxes.length; a++)
      for (let b = 0; b < a; b++)
        if (boxes[a].left < boxes[b].right && boxes[b].left < boxes[a].right
            && boxes[a].top < boxes[b].bottom - 1 && boxes[b].top < boxes[a].bottom - 1)
          seen.over.push([tokens[a].textContent, tokens[b].textContent]);
  };
  const always = () => { look(); requestAnimationFrame(always); };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  always();
}"""


def test_a_node_is_reached_by_the_keyboard(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    ended(page)
    req: Any = nodes(page, "REQ-REP").first
    for _ in range(30):
        page.keyboard.press("Tab")
        if req.evaluate("(node) => node === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", selected=True)).to_contain_text("2  REQ → REP")


def test_a_confirmation_passes_on_a_connection_of_its_own_the_other_way(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    """Task 1: the port of the second connection is no hint, the greeting tells it."""
    jobs, done = Talk(host(1), PUSH), Talk(host(1, 40001), (PUSH[0], 9998))
    jobs.shake(b"PULL", b"PUSH").say(1, frame(b'{"job": 1, "seconds": 1}'))
    done.shake(b"PUSH", b"PULL").say(0, frame(b'{"job": 1, "worker": "w"}'))
    (tmp_path / "task.pcap").write_bytes(pcap(jobs.packets + done.packets))
    opened(page, serve("task.pcap").url)
    ended(page)
    for way in "PULL 10.0.1.1 → PUSH 10.0.0.4", "PUSH 10.0.1.1 → PULL 10.0.0.4":
        expect(page.get_by_role("tab").filter(has_text=way)).to_have_count(1)
    pull, push = nodes(page, "PUSH-PULL").all()
    expect(pull).to_contain_text("10.0.1.1")
    expect(push).to_contain_text("1 out 1 in")
