"""A copy of a capture, with comments that come in any order and names that come at the end."""

import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from capture.annotated import AnnotatedCopy
from capture.files import packets
from capture.packet import NotWritten
from conftest import LIMIT, ROOT
from wire_packets import block, enhanced, interface, option, pcap, section, statistics, stream


def copied(source: bytes, folder: Path, *said: tuple[int, str, bool], **names: str) -> bytes:
    """Return the copy of a capture with comments: number, text, whether it comes first."""
    copy = AnnotatedCopy(str(folder))
    list(packets(stream(source), copy))
    for each in said:
        copy.comment(*each)
    with (folder / "out").open("wb") as out:
        copy.write(out, {name.replace("_", "."): known for name, known in names.items()})
    copy.close()
    return (folder / "out").read_bytes()


def test_comments_stand_in_their_order_at_their_packets(tmp_path: Path) -> None:
    data = [b"a", b"bcd", b"efghi"]
    said = [(2, "two", False), (1, "one", False), (2, "three", False), (2, "zero", True)]
    said += [(2, "half", True)]
    copy = copied(pcap(data), tmp_path, *said)
    comments = [b"one", b"zero; half; two; three", b""]
    blocks = [
        enhanced(each, 0, 1_000_000 + at * 1000, comment and option(1, comment) + bytes(4))
        for at, (each, comment) in enumerate(zip(data, comments, strict=True))
    ]
    assert copy == section() + interface(1, snap=262144) + b"".join(blocks)


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_else_in_a_pcapng_file_stays(order: str, tmp_path: Path) -> None:
    other = block(0x40000BAD, b"of someone else", order)
    known = option(1, b"known", order) + bytes(4)
    ends = statistics(0, bytes(4), order) + other
    head = section(order) + interface(1, order=order)
    source = head + other + enhanced(b"abcde", 0, 7, known, order) + ends
    assert copied(source, tmp_path) == source
    more = option(1, b"new", order) + known
    assert copied(source, tmp_path, (1, "new", False)) == (
        head + other + enhanced(b"abcde", 0, 7, more, order) + ends
    )
    names = copied(source, tmp_path, **{"10_0_0_1": "zmq-rep"})
    record = struct.pack(order + "HH", 1, 12) + b"\x0a\0\0\1zmq-rep\0"
    assert names == head + block(4, record + bytes(4), order) + source[len(head) :]


def test_each_section_has_the_names(tmp_path: Path) -> None:
    source = section() + interface() + enhanced(b"a")
    copy = copied(source * 2, tmp_path, **{"10_0_0_1": "zmq-rep"})
    assert copy.count(b"zmq-rep") == 2


def test_what_is_before_a_fault_is_copied(tmp_path: Path) -> None:
    source = section() + interface() + enhanced(b"a")
    copy = AnnotatedCopy(str(tmp_path))
    with pytest.raises(Exception, match="cut short"):
        list(packets(stream(source + enhanced(b"b")[:-3]), copy))
    with (tmp_path / "out").open("wb") as out:
        copy.write(out, {})
    assert (tmp_path / "out").read_bytes() == source


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    copied(pcap([b"a"]), tmp_path, (1, "x", False))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_not_the_fault_of_the_capture(tmp_path: Path) -> None:
    copy = AnnotatedCopy(str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(NotWritten, match="File too large"):
            list(packets(stream(pcap([bytes(60_000)] * 3)), copy))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


MEMORY = """
import resource, sys
sys.path.insert(0, "wire")
from capture.annotated import AnnotatedCopy
copy = AnnotatedCopy(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(1, 200_001):
    copy.take("<", 6, bytes(120), number)
    copy.comment(number, "x" * 100)
with open(sys.argv[1] + "/out", "wb") as out:
    copy.write(out, {})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_its_memory_does_not_grow(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert (tmp_path / "out").stat().st_size > 40e6
    assert int(done.stdout) < 5000  # kB
