"""A story that keeps each message: what is in the file is told as if it were in memory."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from capture.files import temporary
from command import WIRE, wirezmq
from conftest import LIMIT
from output.json import json_lines
from output.text import story_lines
from story import spill
from story.reader import read
from story.story import Story
from wire_packets import CAPTURES, Talk, frame, pcap

# Prints the most memory, in MB, that a program took.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000)
"""


def many(path: Path, messages: int) -> Path:
    """Write a capture of two connections whose packets alternate, 100 messages in each."""
    talks = [Talk((bytes((10, 0, 0, at)), 4000)).shake(b"SUB", b"PUB") for at in (5, 6)]
    for at in range(messages // 200):
        for talk in talks:
            talk.say(1, b"".join(frame(b"WAKTU %d" % (at * 100 + more)) for more in range(100)))
    packets = chain.from_iterable(zip(*(talk.packets for talk in talks), strict=True))
    path.write_bytes(pcap(packets))
    return path


def every_output(path: Path) -> tuple[list[str], list[str]]:
    story = Story(each=True)
    read(str(path), story)
    return list(story_lines("x", story)), list(json_lines("x", story))


SOME = [path for path in CAPTURES.rglob("*.pcap") if path.parent.name in ("captures", "versions")]


@pytest.mark.parametrize("path", SOME, ids=lambda path: path.stem)
@pytest.mark.parametrize("room", [0, 5_000])
def test_what_is_in_the_file_is_told_alike(
    path: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "ROOM", 1 << 60)
    monkeypatch.setattr(spill, "temporary", lambda: pytest.fail("a file is made"))
    in_memory = every_output(path)
    monkeypatch.setattr(spill, "ROOM", room)
    monkeypatch.setattr(spill, "temporary", temporary)
    assert every_output(path) == in_memory


def test_a_part_of_it_is_reached_as_in_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "ROOM", 3)
    kept = spill.Spill()
    numbers, texts = kept.plain(), kept.plain()
    for number in range(10):
        numbers.append(number)
        texts.append(str(number))
        kept.weigh(1)
    assert (len(numbers), [*numbers], [*texts]) == (10, [*range(10)], [*map(str, range(10))])
    assert (numbers[0], numbers[-1], numbers[2:4], numbers[-3:]) == (0, 9, [2, 3], [7, 8, 9])
    with pytest.raises(IndexError):
        numbers[10]


@pytest.mark.parametrize("option", ["--json", "--all"])
def test_memory_does_not_grow_with_the_length(option: str, tmp_path: Path) -> None:
    peaks = []  # MB
    for messages in 30_000, 90_000:
        path = many(tmp_path / f"{messages}.pcap", messages)
        command = [sys.executable, "-c", PEAK, sys.executable, str(WIRE), str(path), option]
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] < peaks[0] + 10
    assert peaks[1] < 100


def test_where_there_is_no_room_for_the_file_one_line_says_so(tmp_path: Path) -> None:
    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    path = many(tmp_path / "x.pcap", 30_000)
    done = wirezmq(path, "--json", preexec_fn=little)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "wirezmq.py: its output: not written: File too large\n"


def stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)


def leave(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    process.stdout.close()


@pytest.mark.parametrize(("end", "code"), [(stop, 130), (leave, 0)])
@pytest.mark.parametrize("option", ["--json", "--all"])
def test_what_ends_it_while_it_is_written_ends_it_quietly(
    end: Callable[["subprocess.Popen[str]"], None], code: int, option: str, tmp_path: Path
) -> None:
    path = many(tmp_path / "x.pcap", 30_000)
    command = [sys.executable, str(WIRE), str(path), option]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline()  # there is more than a pipe holds
        end(process)
        said = process.stderr.read()
    assert (process.returncode, said) == (code, "")


def test_json_of_a_long_capture_has_each_message(tmp_path: Path) -> None:
    path = many(tmp_path / "x.pcap", 30_000)
    before = set(os.listdir(tmp_path))
    one, other = json.loads(wirezmq(path, "--json", cwd=tmp_path).stdout)["connections"]
    for connection in one, other:
        texts = [event["text"] for event in connection["events"] if event["kind"] == "published"]
        assert texts == [f"WAKTU {number}" for number in range(15_000)]
        assert connection["published"] == {"WAKTU": 15_000}
    assert set(os.listdir(tmp_path)) == before  # the file has no name
