"""The story of a capture as a person reads it: words, frame numbers, counts."""

import subprocess
from pathlib import Path

import pytest

from command import HELLO, WORLD, wirezmq
from wire_packets import (
    Talk,
)


def test_ports_can_be_hinted(tmp_path: Path) -> None:
    sides = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 7001)
    (tmp_path / "x.pcap").write_bytes(Talk(*sides).say(0, HELLO).say(1, WORLD).capture)
    assert wirezmq("x.pcap", cwd=tmp_path).returncode == 2
    done = wirezmq("x.pcap", "--port", "7001=req-rep", cwd=tmp_path)
    assert 'request "Hello"' in done.stdout
    assert wirezmq("x.pcap", "--port", "7001=FOO", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("lab.pcap", "--live", "lo"),
        ("--check",),
        ("-w", "x.pcap", "lab.pcap"),
        ("lab.pcap", "lab.pcap", "--html", "x"),
        ("lab.pcap", "--check", "--json"),
        ("--nonsense",),
    ],
)
def test_bad_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    done = wirezmq(*arguments, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("wirezmq.py: error: ")
