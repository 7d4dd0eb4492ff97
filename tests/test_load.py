"""A short version of scripts/bench load: fewer of each, for a few seconds."""

import importlib.machinery
import importlib.util
import re

import pytest

from conftest import ROOT, compose


def test_many_at_once(lab: None, capsys: pytest.CaptureFixture[str]) -> None:
    loader = importlib.machinery.SourceFileLoader("bench", str(ROOT / "scripts/bench"))
    spec = importlib.util.spec_from_file_location("bench", loader.path, loader=loader)
    assert spec
    bench = importlib.util.module_from_spec(spec)
    loader.exec_module(bench)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZMQ_INTERVAL", "")  # bench sets it
        bench.load(seconds=12, subscribers=20, clients=10, workers=5)
    compose("up", "-d")  # for the tests that follow
    table = capsys.readouterr().out
    print(table)
    ratios = [float(ratio) for ratio in re.findall(r" (\d+\.\d\d) (?:=|<|0)", table)]
    heard, own, slowest, once, share, *memory = ratios
    assert heard == own == once == 1 and "not the same" not in table
    assert slowest <= 10  # none starves; how even it is, bench measures on a quiet machine
    assert 0.4 <= share <= 1.8  # of three jobs each; the first to connect gets more
    assert len(memory) == 6 and max(memory) <= 2  # some still start; bench looks at ten minutes
