"""The live page, as who sits before it sees it: by role and text, in Chromium."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from command import wirezmq
from conftest import COMPOSE, ROOT, compose, press_ctrl_c, run, wait_for
from screen import LAB, Published, Serve, events, lane, nodes, opened, status
from terminals import ends, exec_typed, process
from wire_packets import section

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


BRIDGE = os.environ.get("ZMQ_BRIDGE") or "br-zmq"


def test_the_lab_on_a_screen(lab: None, serve: Serve, page: Page, tmp_path: Path) -> None:
    served = serve("--live", BRIDGE, "-w", "kept.pcap")
    assert (tmp_path / "kept.pcap").stat().st_size > len(section())  # what passes is kept by now
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
    # A message that was still on its way when it had closed is answered by an RST.
    left = re.compile(r"(○.*left|✕.*broke off) \d+ s ago")
    expect(nodes(page, "PUB-SUB").first).to_contain_text(left)

    # rates of the last minute
    plot = lane(page, "PUSH-PULL").get_by_role("img")
    expect(plot).to_have_attribute(
        "aria-label", re.compile("PUSH-PULL: [01](.[0-9])? messages a second now, at most [12] in")
    )
    # A bar is as tall as can be, or half as tall where a second had two jobs.
    expect(plot.locator("path").last).to_have_attribute("d", re.compile(r"v-(19|9\.5)\b"))

    # keep: the same story from what was kept as from -w; the page for a report
    for name in ("zmq.pcap", "zmq.html"):
        link = page.get_by_role("link", name=name)
        expect(link).to_have_attribute("download", name)
        with urlopen(served.url[:-1] + str(link.get_attribute("href"))) as reply:
            (tmp_path / name).write_bytes(reply.read())
    assert served.interrupt().endswith(" dropped by kernel\n")
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
    ended = served.interrupt()  # IPv6 greets its neighbours
    assert re.search(r"\n\d packets captured\n(\d packets .*\n)+$", ended)


def test_pause_and_go_on(serve: Serve, page: Page, published: Callable[..., Published]) -> None:
    page.goto(serve("--live", "lo").url)
    status(page, "^live$")
    pair = published()
    pair.pick(page)
    pair.send("WAKTU 1")
    expect(events(page).filter(has_text='"WAKTU 1"')).to_have_count(1)
    page.keyboard.press("Space")
    status(page, r"paused: \d+ messages? since")
    pair.send("TANGGAL 2")
    status(page, r"paused: [1-9][\d,]* messages? since")
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
