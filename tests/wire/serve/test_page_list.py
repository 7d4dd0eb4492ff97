"""Times, the list of everything, runs that unfold, and a search, on the live page."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from command import wirezmq
from screen import LAB, Serve, ended, events, opened, status
from wire_packets import Talk, frame, pcap

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def times(page: Page) -> list[str]:
    """The column of times, in the diagram or in the list."""
    return page.locator("[role=option] .time").all_text_contents()


def test_when_each_thing_passed(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    ended(page)
    page.get_by_role("tab", name="2  REQ").click()
    told = [line.split() for line in wirezmq(LAB).stdout.splitlines() if "REQ → REP" in line]
    told += [line.split() for line in wirezmq(LAB).stdout.splitlines() if "REP → REQ" in line]
    first = sorted(words[1] for words in told)[:3]  # as zmq-wire says them
    expect(page.locator(".head .time")).to_have_text("Time (s)")
    assert times(page)[:3] == first
    titles = page.locator(".phase").all_text_contents()
    assert re.fullmatch(r"TCP handshake: 0\.0\d ms", titles[0]), titles
    assert re.fullmatch(r"ZMTP handshake: \d+\.\d\d ms", titles[1]), titles
    events(page).nth(1).click()
    panel = page.get_by_role("region", name="Bytes")
    expect(panel).to_contain_text(f"{first[1]} s, 0.")
    page.get_by_role("combobox", name="Time").select_option("before")
    expect(page.locator(".head .time")).to_have_text("since before")
    after = [round(1000 * (float(b) - float(a)), 3) for a, b in pairwise(first)]
    assert times(page)[:3] == ["", *(f"+{ms:.3f} ms" for ms in after)]
    page.get_by_role("tab", name="All").click()
    expect(page.get_by_role("listbox")).to_have_accessible_name("Events of all connections")
    assert times(page)[0] == "" and all(each.startswith("+") for each in times(page)[1:])
    page.get_by_role("combobox", name="Time").select_option("first")
    assert times(page)[0] == "0.000000"


def test_one_publish_to_three_and_jobs_in_turn(serve: Serve, page: Page, tmp_path: Path) -> None:
    pub, push = (bytes((10, 0, 0, 3)), 12345), (bytes((10, 0, 0, 4)), 9999)
    subs = [Talk((bytes((10, 0, 1, at)), 40000), pub).shake(b"SUB", b"PUB") for at in (1, 2, 3)]
    pulls = [Talk((bytes((10, 0, 2, at)), 40000), push).shake(b"PULL", b"PUSH") for at in (1, 2)]
    packets = [data for talk in (*subs, *pulls) for data in talk.packets]
    for number in range(1, 5):
        for talk in subs:
            packets.append(talk.say(1, frame(b"WAKTU %d" % number)).packets[-1])
        packets.append(pulls[number % 2].say(1, frame(b"\x80\x04K%c." % number)).packets[-1])
    (tmp_path / "order.pcap").write_bytes(pcap(packets))
    opened(page, serve("order.pcap").url)
    ended(page)
    page.keyboard.press("a")
    rows = events(page)
    expect(rows).to_have_count(5 * 7 + 16)
    last = [row.locator("span").all_inner_texts() for row in rows.all()[-16:]]
    numbers = [int(row[0]) for row in last]
    assert numbers == sorted(numbers) == list(range(36, 52))  # as the packets came
    assert [row[2] for row in last] == ["[1]", "[2]", "[3]", "[5]", "[1]", "[2]", "[3]", "[4]"] * 2
    assert [row[4] for row in last[3::4]] == [f"job {n} (a pickled int)" for n in (1, 2, 3, 4)]
    assert [row[4] for row in last[:3]] == ['published "WAKTU 1"'] * 3
    # each has its own bytes there, also in the middle of a run
    rows.filter(has_text="job 4").click()
    panel = page.get_by_role("region", name="Bytes")
    expect(panel.get_by_role("row").filter(has_text="the int 4")).to_contain_text("4b 04")

    # the run of a connection unfolds, with its packets and times
    page.get_by_role("tab", name="1  SUB").click()
    run = rows.filter(has_text="4 messages published under WAKTU")
    before = rows.count()
    run.get_by_text("unfold").click()
    expect(rows).to_have_count(before + 4)
    single = rows.filter(has_text='published "WAKTU 3"')
    expect(single).to_have_accessible_name('Packet 44, PUB → SUB: published "WAKTU 3"')
    single.click()
    expect(panel.get_by_role("row").filter(has_text="body")).to_contain_text("57 41 4b 54 55 20 33")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(before)
    page.keyboard.press("Enter")
    expect(rows).to_have_count(before + 4)


def test_a_search_finds_a_text(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    page.keyboard.press("/")
    page.keyboard.type("apa kabar")
    expect(page.get_by_role("tab", selected=True)).to_have_text("All")
    expect(page.get_by_text("“apa kabar” is in none of the events that are listed")).to_be_visible()
    page.keyboard.press("Enter")  # where it comes next
    expect(events(page)).to_have_count(1)
    expect(events(page)).to_contain_text('request "apa kabar?"')
    panel = page.get_by_role("region", name="Bytes")
    expect(panel).to_contain_text('request "apa kabar?"')
    page.get_by_label("Search").press("Enter")  # its reply says it, too
    expect(events(page)).to_have_count(2)
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_role("note")).to_have_text("“apa kabar” does not come any more")
    page.get_by_label("Search").fill("")
    expect(events(page).filter(has_text="SYN: asks")).not_to_have_count(0)
    status(page, "^stopped$")
