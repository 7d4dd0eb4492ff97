"""The live page where the network changes: a browser breaks off what it loads then."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from screen import LAB, Published, Serve, opened, status
from wire_packets import questions

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


def breaks(page: Page, what: str) -> Callable[[], int]:
    """Break off the first request for each such thing; return how many there were."""
    asked: list[str] = []

    def take(route: Route) -> None:
        asked.append(route.request.url)
        if asked.count(route.request.url) == 1:
            route.abort("failed")
        else:
            route.continue_()

    page.context.route(what, take)
    return lambda: len(asked)


@pytest.mark.parametrize("what", ["svg.js", "main.js", "live.css", "diagram.css", "*"])
def test_a_page_that_did_not_come_whole_comes_again(serve: Serve, page: Page, what: str) -> None:
    count = breaks(page, f"**/static/{what}")
    url = serve(LAB).url
    with page.expect_response(f"**/static/{what}"):  # the first one has none
        page.goto(url, wait_until="commit")
    status(page, "^stopped$")
    expect(page.get_by_role("button", name="Play", exact=True)).to_have_css("cursor", "pointer")
    assert count() > 1


def test_the_stream_that_windows_share_comes_again(
    serve: Serve, page: Page, published: Callable[..., Published]
) -> None:
    count = breaks(page, "**/static/shared.js")
    page.goto(serve("--live", "lo").url)
    status(page, "^live$")
    assert count() == 2


def test_a_place_is_come_to(serve: Serve, page: Page) -> None:
    count = breaks(page, "**/play?*")
    opened(page, f"{serve(LAB).url}?packet=26")
    expect(page.locator("#counts")).to_contain_text("packet 26,")
    assert count() == 2


def test_a_capture_plays_on(serve: Serve, page: Page, tmp_path: Path) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(60))
    opened(page, serve("long.pcap").url)
    count = breaks(page, "**/play?*after=*")
    page.get_by_label("Speed").select_option("4")
    page.keyboard.press("Space")
    status(page, "^the end of the capture$")
    expect(page.locator("#counts")).to_contain_text("packet 127,")
    assert count() == 1


def test_a_search_is_not_lost_in_silence(serve: Serve, page: Page) -> None:
    opened(page, serve(LAB).url)
    breaks(page, "**/find?*")
    page.get_by_label("Search").fill("World")
    page.keyboard.press("Enter")
    status(page, "^no answer from zmq-wire: trying again$")
    status(page, "^stopped$")
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_role("option").filter(has_text='reply "World"')).to_have_count(1)
