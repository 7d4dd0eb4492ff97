"""The live page, as who sits before it sees it: by role and text, in Chromium."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from screen import Serve, lane, opened
from wire_packets import Talk, pcap

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


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
