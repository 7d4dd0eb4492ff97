"""What the tests of the live page share: what a person sees of it, by role and text."""

import re
from collections.abc import Callable
from pathlib import Path

import zmq
from playwright.sync_api import Locator, Page, expect

from conftest import Served, wait_for

LAB = Path(__file__).parents[1] / "captures/lab.pcap"
Serve = Callable[..., Served]


def events(page: Page) -> Locator:
    """The arrows of the diagram that is shown."""
    return page.get_by_role("listbox").get_by_role("option")


def lane(page: Page, pattern: str) -> Locator:
    return page.get_by_role("region", name=pattern, exact=True)


def status(page: Page, words: str) -> None:
    """Wait until the page says this about itself."""
    expect(page.get_by_role("status")).to_have_text(re.compile(words))


def opened(page: Page, url: str) -> None:
    """Open a page and wait until it listens: a key that is pressed before that is lost."""
    page.goto(url)
    status(page, r"\S")


def pick(page: Page, port: int) -> None:
    """Pick the connection to this port: loopback may carry others."""
    heading = page.locator("#heading")

    def found() -> bool:
        for tab in page.get_by_role("tab").all():
            tab.click()
            if f":{port}," in heading.inner_text():
                return True
        return False

    wait_for(found)


def steps(page: Page, count: int) -> None:
    """Go so many steps; each shows one arrow more, with its bytes."""
    for _ in range(count):
        before = page.locator("#counts").inner_text()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#counts")).not_to_have_text(before)


def nodes(page: Page, pattern: str) -> Locator:
    """The nodes of a lane, those that connect before those that bind."""
    return lane(page, pattern).get_by_role("button")


def ended(page: Page) -> None:
    """Go to the end of a capture, and wait until all of it is shown."""
    page.keyboard.press("End")
    status(page, "^the end of the capture$")


class Published:
    """A publisher and its subscriber on loopback."""

    def __init__(self, topic: str = "") -> None:
        self.context = zmq.Context()
        self.pub, self.sub = self.context.socket(zmq.PUB), self.context.socket(zmq.SUB)
        self.port = self.pub.bind_to_random_port("tcp://127.0.0.1")
        self.sub.connect(f"tcp://127.0.0.1:{self.port}")
        self.sub.subscribe(topic)
        wait_for(self.joined)

    def joined(self) -> bool:
        self.send("begin")
        return self.sub.poll(10) > 0

    def pick(self, page: Page) -> None:
        pick(page, self.port)

    def send(self, text: str) -> None:
        self.pub.send_string(text)
