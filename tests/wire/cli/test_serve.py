"""The live page and those who mean harm, are slow, or are many."""

import os
import socket
from pathlib import Path

import pytest

from command import wirezmq
from screen import LAB
from wire_packets import Talk

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["none.pcap"], "none.pcap: No such file or directory"),
        (["empty.pcap"], "empty.pcap: empty: nothing was captured, or tcpdump has not ended yet"),
        (["text.pcap"], "text.pcap: a text, not a capture"),
        (["tcp.pcap"], "tcp.pcap: no ZMTP in its 3 packets"),
        (["."], ".: it is played again and again: it needs a file"),
        (["--serve=http"], "--serve=http: not a port, such as 8080"),
        (["--serve=0"], "--serve=0: not a port, such as 8080"),
        (["--serve=example.org:80"], "--serve=example.org:80: not a port, such as 8080"),
        (["--live", "lo", "-w", "/nowhere/x.pcap"], "/nowhere/x.pcap: No such file or directory"),
    ],
)
def test_what_cannot_be_shown_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    (tmp_path / "text.pcap").write_text("a text")
    (tmp_path / "tcp.pcap").write_bytes(Talk().open().capture)
    done = wirezmq("--serve=18999", *arguments, cwd=tmp_path)
    assert done.stderr == f"wirezmq.py: {said}\n"
    assert done.returncode == 2


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = wirezmq(f"--serve={port}", LAB, cwd=tmp_path)
    assert done.stderr == (
        f"wirezmq.py: port {port}: Address already in use: take another, --serve=PORT\n"
    )
    assert done.returncode == 2


def test_without_its_libraries_it_says_which(tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text("raise ImportError('no', name='jinja2')")
    for option in ("--serve", "--html=x.html"):
        done = wirezmq(LAB, option, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
        name = option.partition("=")[0]
        assert done.stderr == (
            f"wirezmq.py: {name}: this needs jinja2: pip install it, or run zmq-wire, "
            "the container that has it\n"
        )
        assert done.returncode == 2
    story = wirezmq(LAB, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (story.returncode, story.stderr) == (0, "")
