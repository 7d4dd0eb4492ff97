"""A short version of scripts/dev/bench load: fewer of each, for a few seconds."""

import re

import pytest
from benchmarks.load import load

from conftest import compose


def test_many_at_once(lab: None, capsys: pytest.CaptureFixture[str]) -> None:
    load(seconds=12, subscribers=20, clients=10, workers=5)
    compose("up", "-d")  # for the tests that follow
    table = capsys.readouterr().out
    print(table)
    ratios = [float(ratio) for ratio in re.findall(r" (\d+\.\d\d) (?:=|<|0)", table)]
    heard, own, slowest, done, same, share, *memory = ratios
    assert heard == own == done == same == 1
    assert slowest <= 10  # none starves; how even it is, bench measures on a quiet machine
    assert 0.4 <= share <= 1.8  # of three jobs each; the first to connect gets more
    assert len(memory) == 6 and max(memory) <= 2  # some still start; bench looks at ten minutes
