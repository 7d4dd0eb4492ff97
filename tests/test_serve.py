"""The live page, as who sits before it sees it: by role and text, in Chromium."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from conftest import COMPOSE, ROOT, compose, press_ctrl_c, run, wait_for
from screen import LAB, Published, Serve, events, lane, nodes, opened, status, steps
from test_lab import ends, exec_typed, process
from test_wire_story import wirezmq
from wire_packets import Talk, pcap, questions

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it

BRIDGE = os.environ.get("ZMQ_BRIDGE") or "br-zmq"


# --- the lab, live ---------------------------------------------------------------------------


def test_the_lab_on_a_screen(lab: None, serve: Serve, page: Page, tmp_path: Path) -> None:
    served = serve("--live", BRIDGE, "-w", "kept.pcap")
    assert served.first == f"{served.url[:-1]} shows {BRIDGE} live, Ctrl-C ends it\n"
    page.goto(served.url)
    status(page, "^live$")
    for pattern in ("REQ-REP", "PUB-SUB", "PUSH-PULL"):
        expect(lane(page, pattern)).to_contain_text("no connection yet; in a terminal:")

    page.evaluate(MOVED)

    # a client: both sides with role, name and address, and its request moves from REQ to REP
    client = subprocess.Popen(
        [*COMPOSE, "exec", "-T", "zmq-req", "python", "clientzmq.py"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stdin and client.stdout
    there = nodes(page, "REQ-REP")
    expect(there).to_have_count(2)
    expect(there.first).to_contain_text(re.compile(r"REQ●\d+\.\d+\.\d+\.\d+joined \d+ s ago"))
    expect(there.last).to_contain_text(re.compile(r"REP●\d+\.\d+\.\d+\.\d+joined \d+ s ago"))
    while "World" not in client.stdout.readline():  # it asks again where the server takes long
        pass
    client.stdin.write("Halo\n")
    client.stdin.flush()
    for words, onward in (("Halo ▸", True), ("◂ Received: Halo", False)):

        def far() -> list[float]:  # what comes at once moves as one, with its number
            moved = page.evaluate("moved").items()
            return [x for text, x in moved if text.startswith(words)]  # noqa: B023

        wait_for(far)
        assert (far()[0] > 0) == onward

    # the server is gone: seen at once, and later
    compose("stop", "--timeout", "3", "zmq-rep")
    gone = re.compile(r"○.*left \d+ s ago|✕.*no one listens")  # the client tries again
    expect(there.last).to_contain_text(gone)
    client.kill()
    client.wait()
    compose("start", "zmq-rep")

    # a worker joins, a subscriber leaves
    compose("exec", "-d", "zmq-pull", "python", "pullzmq.py")
    expect(nodes(page, "PUSH-PULL").first).to_contain_text("joined")
    expect(lane(page, "PUSH-PULL").locator(".token").first).to_contain_text("job")
    subscriber = exec_typed("zmq-sub", "python subzmq.py")
    subscriber.expect("Received: 'WAKTU ")
    press_ctrl_c(subscriber, process("zmq-sub", "subzmq.py"))
    assert ends(subscriber) == 0
    expect(nodes(page, "PUB-SUB").first).to_contain_text(re.compile(r"○.*left \d+ s ago"))

    # rates of the last minute
    plot = lane(page, "PUSH-PULL").get_by_role("img")
    expect(plot).to_have_attribute(
        "aria-label", re.compile("PUSH-PULL: [01](.[0-9])? messages a second now, at most [12] in")
    )
    expect(plot.locator("path").last).to_have_attribute("d", re.compile("v-19 "))  # the tallest

    # keep: the same story from what was kept as from -w; the page for a report
    for name in ("zmq.pcap", "zmq.html"):
        link = page.get_by_role("link", name=name)
        expect(link).to_have_attribute("download", name)
        with urlopen(served.url[:-1] + str(link.get_attribute("href"))) as reply:
            (tmp_path / name).write_bytes(reply.read())
    assert served.interrupt().endswith(" packets\n")
    told = wirezmq("zmq.pcap", cwd=tmp_path).stdout
    assert 'request "Halo" after the empty delimiter' in told
    assert (tmp_path / "kept.pcap").read_bytes().startswith((tmp_path / "zmq.pcap").read_bytes())
    assert "request &#34;Halo&#34;" in (tmp_path / "zmq.html").read_text()
    status(page, "no answer from zmq-wire: trying again")
    compose("restart", "--timeout", "3", "zmq-pull")  # ends the worker


# What moves in the picture, and how far to the right it does: {"Hello ▸": 205, …}.
MOVED = """() => {
  window.moved = {};
  const x = (frame) => parseFloat(frame.transform.slice("translate(".length));
  new MutationObserver((changes) => {
    for (const token of changes.flatMap((change) => [...change.addedNodes]))
      if (token.classList?.contains("token")) {
        const frames = token.getAnimations()[0]?.effect.getKeyframes();
        if (frames) moved[token.textContent] = x(frames[frames.length - 1]) - x(frames[0]);
      }
  }).observe(document.getElementById("lab"), { subtree: true, childList: true });
}"""


def test_it_waits_for_a_bridge_that_is_not_there(serve: Serve, page: Page) -> None:
    name = "zmq-serve-test"
    run("sudo", "ip", "link", "del", name)
    served = serve("--live", name)
    assert served.line() == f"{name} is not there: waiting for it\n"
    page.goto(served.url)
    status(page, f"waiting for {name}: it is not there yet")
    try:
        run("sudo", "ip", "link", "add", name, "type", "bridge")
        run("sudo", "ip", "link", "set", name, "up")
        assert served.line() == f"{name} is there\n"
        status(page, "^live$")
        run("sudo", "ip", "link", "del", name)
        assert served.line() == f"{name} is not there: waiting for it\n"
        status(page, "waiting")
    finally:
        run("sudo", "ip", "link", "del", name)
    assert re.fullmatch(r"\n\d packets\n", served.interrupt())  # IPv6 greets its neighbours


# --- on loopback -----------------------------------------------------------------------------


def test_pause_and_go_on(serve: Serve, page: Page, published: Callable[..., Published]) -> None:
    page.goto(serve("--live", "lo").url)
    status(page, "^live$")
    pair = published()
    pair.pick(page)
    pair.send("WAKTU 1")
    expect(events(page).filter(has_text='"WAKTU 1"')).to_have_count(1)
    page.keyboard.press("Space")
    status(page, r"paused: \d+ messages since")
    pair.send("TANGGAL 2")
    status(page, r"paused: [1-9][\d,]* messages since")
    expect(events(page).filter(has_text='"TANGGAL 2"')).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(events(page).filter(has_text='"TANGGAL 2"')).to_have_count(1)
    status(page, "^live$")


def test_the_server_ends_and_comes_back(
    serve: Serve, page: Page, published: Callable[..., Published]
) -> None:
    served = serve("--live", "lo")
    page.goto(served.url)
    status(page, "^live$")
    served.interrupt()
    status(page, "no answer from zmq-wire: trying again")
    serve("--live", "lo", port=served.port)
    status(page, "^live$")
    pair = published()
    pair.pick(page)
    pair.send("again")
    expect(events(page).filter(has_text='"again"')).to_have_count(1)


def test_packet_to_page(serve: Serve, page: Page, published: Callable[..., Published]) -> None:
    """Each message is on the page before the next is sent."""
    page.goto(serve("--live", "lo").url)
    status(page, "^live$")
    pair = published()
    pair.pick(page)
    for number in range(10):
        pair.send(f"topic{number} x")
        expect(events(page).filter(has_text=f"topic{number} x")).to_have_count(1)


# --- a capture played ------------------------------------------------------------------------


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
    expect(page.get_by_role("tab")).to_have_count(3)
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


def test_on_every_screen(serve: Serve, browser: Browser, tmp_path: Path) -> None:
    """Nothing is cut off at the side, and text is large enough, at three widths, light and dark."""
    url = serve(LAB).url
    for width, height, least in ((1920, 1080, 17.0), (1280, 720, 11.0), (390, 844, 10.0)):
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
            )
            page = context.new_page()
            opened(page, url)
            expect(page.locator("#status")).not_to_be_empty()  # it listens to keys
            page.keyboard.press("End")
            expect(page.get_by_role("tab")).to_have_count(4)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            sizes = page.evaluate(
                """[...document.querySelectorAll(".said")].map((text) =>
                parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
            )
            assert min(sizes) >= least, (width, min(sizes))
            back = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (back == "rgb(255, 255, 255)") == (scheme == "light")
            context.close()


def test_more_connections_than_are_shown_are_counted(
    serve: Serve, page: Page, tmp_path: Path
) -> None:
    packets: list[bytes] = []
    for number in range(1, 211):
        packets += Talk((bytes((10, 0, 1, number)), 40000)).shake().close().packets
    (tmp_path / "many.pcap").write_bytes(pcap(packets))
    opened(page, serve("many.pcap").url)
    page.keyboard.press("End")
    said = "10 earlier connections are left out here; zmq.html has them"
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("tab")).to_have_count(201)


def test_a_crowd_is_counted(serve: Serve, page: Page, tmp_path: Path) -> None:
    packets: list[bytes] = []
    for number in range(1, 31):
        subscriber = (bytes((10, 0, 1, number)), 40000)
        packets += Talk(subscriber, (bytes((10, 0, 0, 3)), 12345)).shake(b"SUB", b"PUB").packets
    (tmp_path / "crowd.pcap").write_bytes(pcap(packets))
    opened(page, serve("crowd.pcap").url)
    page.keyboard.press("End")
    expect(page.get_by_role("tab")).to_have_count(31)
    listed = lane(page, "PUB-SUB").get_by_role("list").first.get_by_role("listitem")
    more = re.fullmatch(r"and (\d+) more", listed.last.inner_text())
    assert more and int(more[1]) + listed.count() - 1 == 30
    seen = lane(page, "PUB-SUB").bounding_box()
    for each in listed.all():
        box = each.bounding_box()
        assert seen and box and box["y"] + box["height"] <= seen["y"] + seen["height"]
