"""A module of wire/ has its tests where a stranger looks for them."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
WIRE = TESTS.parents[1] / "wire"
# What has no behaviour of its own, or shows it only in another's: room/module -> where that is.
ELSEWHERE = {
    "capture/keeper": "cli/test_live.py",
    "capture/packet": "capture/test_pcap.py",
    "capture/recorder": "cli/test_live.py",
    "capture/relay": "cli/test_live.py",
    "cli/check": "grade/test_requirements.py",
    "cli/story": "story/test_reader.py",
    "grade/acknowledged": "grade/test_reading.py",
    "grade/counts": "grade/test_reading.py",
    "grade/details": "grade/test_reading.py",
    "grade/export": "grade/test_table.py",
    "grade/index": "grade/test_copies.py",
    "grade/mistakes": "grade/test_answers.py",
    "grade/packets": "grade/test_answers.py",
    "grade/page": "grade/test_table.py",
    "grade/tasks/ids": "grade/tasks/test_once.py",
    "grade/tasks/ledger": "grade/tasks/test_jobs.py",
    "grade/tasks/reasons": "grade/tasks/test_content.py",
    "grade/tasks/series": "grade/tasks/test_snapshot.py",
    "grade/tasks/subscribers": "grade/tasks/test_snapshot.py",
    "grade/times": "grade/test_answers.py",
    "output/timeline": "output/test_html.py",
    "output/words": "output/test_text.py",
    "serve/app": "serve/test_server.py",
    "serve/live": "serve/test_server.py",
    "story/losses": "story/test_story.py",
    "story/model": "story/test_session.py",
    "story/pending": "story/test_session.py",
    "story/refusals": "story/test_session.py",
    "story/store": "story/test_story.py",
    "story/told": "story/test_sequence.py",
    "tcp/headers": "tcp/test_segment.py",
    "tcp/order": "tcp/test_connection.py",
    "zmtp/beginning": "zmtp/test_greeting.py",
}
MODULES = sorted(
    str(path.relative_to(WIRE).with_suffix(""))
    for path in WIRE.rglob("*.py")
    if path.stem != "__init__" and path.parent != WIRE
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_tests_beside(module: str) -> None:
    room, _, name = module.rpartition("/")
    own = TESTS / room / f"test_{name}.py"
    assert own.exists() != (module in ELSEWHERE), "one place, and one alone"
    assert own.exists() or (TESTS / ELSEWHERE[module]).exists()


def test_no_place_is_named_for_what_is_gone() -> None:
    assert set(ELSEWHERE) <= set(MODULES)


def test_no_test_imports_another() -> None:
    for path in TESTS.parent.rglob("*.py"):
        assert "\nfrom test_" not in path.read_text(), path
