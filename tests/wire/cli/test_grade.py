"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import sys
from argparse import Namespace
from pathlib import Path

import pytest

from cli.grade import run as grade_class
from cli.terminal import progress
from kelas import LAB, pcap
from zmtp.patterns import PORTS


def test_how_far_it_is_shows_after_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(clock) * 0.6)
    assert list(progress("abcd", lambda item: f"at {item}")) == list("abcd")
    assert capsys.readouterr().err == "\rat b\x1b[K\rat c\x1b[K\rat d\x1b[K\r\x1b[K"
    assert list(progress("a", lambda item: f"at {item}")) == ["a"]
    assert capsys.readouterr().err == ""


def test_a_class_says_how_far_it_is_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(LAB))
    clock = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: next(clock) * 0.6)
    options = Namespace(captures=[str(tmp_path)], csv=False, json=False, ports=PORTS, task=0)
    options.number = options.html = options.feedback = None
    for terminal, said in (False, False), (True, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        grade_class(options)
        assert ("\r2 of 3 hand-ins" in capsys.readouterr().err) == said
