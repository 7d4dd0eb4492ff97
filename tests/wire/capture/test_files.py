"""What a file is, by its first bytes; compressed ones; one that is opened and read."""

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.files import EMPTY, NO_PACKET, CaptureFile, is_capture, packets, plain
from capture.packet import CaptureError
from conftest import LIMIT
from live import WIRE
from wire_packets import (
    CAPTURES,
    CLIENT,
    SERVER,
    SYN,
    Talk,
    block,
    enhanced,
    ethernet,
    frame,
    interface,
    option,
    pcap,
    section,
    statistics,
    stream,
    tcp,
)

WHOLE = ethernet(tcp(CLIENT, SERVER, 1, 0, SYN))


@given(st.binary(max_size=300), st.integers(0, 400))
def test_no_file_makes_the_readers_raise_anything_else(data: bytes, place: int) -> None:
    for whole in pcap([WHOLE]), section() + interface() + enhanced(WHOLE) + statistics():
        for file in data, whole[:4] + data, whole[:place] + data:
            try:
                list(packets(io.BytesIO(file)))
            except CaptureError as error:
                assert str(error)


@pytest.mark.parametrize(
    "content",
    [pcap([]), pcap([], order=">"), pcap([], nano=True), pcap([], order=">", nano=True), section()],
)
def test_a_capture_is_known_by_its_beginning(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    assert is_capture(str(tmp_path / "x"))
    (tmp_path / "x").write_bytes(content[1:])
    assert not is_capture(str(tmp_path / "x"))


def test_the_packets_and_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(pcap([b"a", b"b"])[:-1])
    capture = CaptureFile(str(file))
    assert [packet.data for packet in capture] == [b"a"]
    assert capture.wrong == "cut short in packet 2"
    capture = CaptureFile(str(tmp_path / "none"))
    assert (list(capture), capture.wrong) == ([], "No such file or directory")
    capture = CaptureFile(stream(pcap([b"a"])))
    assert (len(list(capture)), capture.wrong) == (1, "")


@pytest.mark.parametrize("content", [b"", pcap([]), section(), section() + interface()])
def test_a_capture_without_packets_is_empty(content: bytes) -> None:
    capture = CaptureFile(stream(content))
    assert (list(capture), capture.wrong) == ([], NO_PACKET if content else EMPTY)


def test_the_reader_is_told_of_dropped_packets(tmp_path: Path) -> None:
    count = statistics(0, option(5, (12).to_bytes(8, "little")) + bytes(4))
    file = section() + interface() + enhanced(WHOLE) + count
    capture = CaptureFile(stream(file))
    list(capture)
    assert capture.dropped == 12
    (tmp_path / "x").write_bytes(section() + interface() + enhanced(WHOLE) + count)
    talk = Talk().shake().say(0, frame(b"", 1) + frame(b"Hello"))
    (tmp_path / "x").write_bytes(
        section() + interface() + b"".join(map(enhanced, talk.packets)) + count
    )
    done = wirezmq("x", cwd=tmp_path)
    assert "12 packets were dropped by the kernel: what they carried is missing" in done.stdout


def wirezmq(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WIRE), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=LIMIT)


# --- compressed ------------------------------------------------------------------------------


def repeated(head: bytes, again: bytes, count: int) -> Iterator[bytes]:
    yield head
    for _ in range(0, count, 100_000):
        yield again * 100_000


@pytest.mark.parametrize(
    ("head", "again"),
    [
        (pcap([]), pcap([b""])[24:]),
        (section() + interface(), enhanced(b"")),
        (section() + interface(), block(0x40000BAD, b"")),
        (section(), section()),
        (section() + interface(), block(3, bytes(4))),
    ],
    ids=["packets", "packets of pcapng", "blocks", "sections", "simple packets"],
)
@pytest.mark.parametrize("pipe", [False, True])
def test_what_only_keeps_its_reader_busy_is_not_read_to_its_end(
    head: bytes, again: bytes, pipe: bool, tmp_path: Path
) -> None:
    """4 MB of this took minutes: it unpacks to a GB of packets that hold nothing."""
    with gzip.open(tmp_path / "x.gz", "wb", 9) as file:
        for piece in repeated(head, again, 1_000_000):
            file.write(piece)
    source = str(tmp_path / "x.gz")
    if pipe:
        with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as cat:
            assert isinstance(cat.stdout, io.BufferedReader)
            capture = CaptureFile(cat.stdout)
            count = sum(1 for _ in capture)
            cat.stdout.close()
    else:
        capture = CaptureFile(source)
        count = sum(1 for _ in capture)
    assert capture.wrong == "no capture: its gzip data hold more packets than bytes"
    assert count < 100_000


def test_a_real_capture_is_far_from_that_bound(tmp_path: Path) -> None:
    """Packets of one connection, which differ in a few bytes, at their best compression."""
    talk = Talk().shake(b"PUSH", b"PULL")
    for _ in range(60_000):
        talk.say(0, frame(b"x"))
    (tmp_path / "x.gz").write_bytes(gzip.compress(pcap(talk.packets, step=1)))
    capture = CaptureFile(str(tmp_path / "x.gz"))
    assert sum(1 for _ in capture) == len(talk.packets)
    assert capture.wrong == ""
    assert os.stat(tmp_path / "x.gz").st_size > 4 * len(talk.packets)


def test_gzip_that_is_cut_or_damaged() -> None:
    data = gzip.compress((CAPTURES / "lab.pcap").read_bytes())
    for bad, why in (
        (data[:-200], "cut short: its gzip data have no end"),
        (data[:-8] + bytes(4) + data[-4:], "its gzip data are damaged"),
    ):
        with pytest.raises(CaptureError, match=f"^{why}$"):
            list(packets(plain(stream(bad))))
