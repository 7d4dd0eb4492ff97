"""The story of a capture as a person reads it: words, frame numbers, counts."""

import re
import subprocess
import sys
from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest

from command import HELLO, WIRE, as_nobody, wirezmq
from conftest import BRIDGE
from output.text import story_lines
from wire_packets import (
    CAPTURES,
    Talk,
    ethernet,
    frame,
    pcap,
    told,
)


def test_a_snap_length_is_said() -> None:
    whole = Talk().shake().say(0, frame(b"", 1) + frame(b"y" * 200)).capture
    cut = bytearray(pcap([]))
    at, packets = 24, []
    while at < len(whole):
        size = int.from_bytes(whole[at + 8 : at + 12], "little")
        packets.append((whole[at : at + 16], whole[at + 16 : at + 16 + size]))
        at += 16 + size
    for head, data in packets:
        kept = data[:128]
        cut += head[:8] + len(kept).to_bytes(4, "little") + head[12:] + kept
    text = "\n".join(story_lines("x", told(bytes(cut))))
    assert "1 packet is cut by the snap length: capture with -s 0" in text
    assert "129 of its bytes are not in the capture" in text or "of its bytes are not" in text


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("none.pcap", None, "No such file or directory"),
        ("folder", "folder", "a folder, not a file"),
        ("empty.pcap", b"", "empty: nothing was captured, or tcpdump has not ended yet"),
        ("text.pcap", b"Hello, this is text", "a text, not a capture"),
        ("noise.pcap", b"\0\1\2\3" * 9, "not a capture (neither pcap nor pcapng)"),
        ("cut.pcap", Talk().shake().capture[:-5], "cut short in packet 7"),
        ("head.pcap", pcap([])[:10], "cut short in its first line: nothing was captured"),
        (
            "web.pcap",
            pcap([ethernet(b"")] * 3),
            "no ZMTP in its 3 packets: was it captured on BRIDGE?",
        ),
    ],
)
def test_bad_captures_get_one_line(
    tmp_path: Path, name: str, content: bytes | str | None, wrong: str
) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    done = wirezmq(name, cwd=tmp_path)
    wrong = wrong.replace("BRIDGE", BRIDGE)
    assert done.stderr == f"wirezmq.py: {name}: {wrong}\n"
    assert done.returncode == 2


LATER = dpkt.ip.IP(src=bytes(4), dst=bytes(4), p=6, offset=160, data=bytes(80), len=100)


@pytest.mark.parametrize(
    ("capture", "cause"),
    [
        (
            pcap(Talk().shake().say(0, HELLO).packets, snap=50),
            "8 packets are cut by the snap length: capture with -s 0",
        ),
        (
            pcap([bytes(60)] * 2, link=147),
            "2 packets are of link type 147, which cannot be read",
        ),
        (
            pcap([ethernet(bytes(LATER))]),
            "1 packet is a fragment whose other parts are not there",
        ),
    ],
)
def test_why_nothing_was_found_is_said_if_it_is_known(
    tmp_path: Path, capture: bytes, cause: str
) -> None:
    (tmp_path / "x.pcap").write_bytes(capture)
    done = wirezmq("x.pcap", cwd=tmp_path)
    assert re.fullmatch(f"wirezmq.py: x.pcap: no ZMTP in its . packets: {cause}\n", done.stderr)
    done = wirezmq("x.pcap", "--check", cwd=tmp_path)
    assert re.search(f"  no ZMTP in its . packets: {cause}\n", done.stdout)
    assert (done.stdout.count(" MISSING\n"), done.returncode) == (13, 1)


def test_what_a_cut_capture_holds_is_told(tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(Talk().shake().say(0, HELLO).close().capture[:-5])
    done = wirezmq("cut.pcap", cwd=tmp_path)
    assert 'request "Hello"' in done.stdout
    assert done.returncode == 2


def test_a_capture_one_may_not_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "x.pcap").touch(0)
    done = as_nobody("x.pcap", cwd=tmp_path)
    assert done.stderr == "wirezmq.py: x.pcap: Permission denied\n"
    assert done.returncode == 2


def test_a_pipe_is_read_while_it_is_written() -> None:
    data = (CAPTURES / "lab.pcap").read_bytes()
    with subprocess.Popen(
        [sys.executable, WIRE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        for at in range(0, len(data), 700):
            process.stdin.write(data[at : at + 700])
            process.stdin.flush()
        out, _ = process.communicate()
    assert out.startswith(b"-: 70 packets")
