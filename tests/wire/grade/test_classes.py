"""A large class, which two processes grade: the same rows, and an end with one line at most."""

import errno
import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.grade import run as grade_class
from command import WIRE
from conftest import LIMIT, run, wait_for
from grade import classes
from grade.classes import graded_class
from grade.export import as_json
from grade.feedback import write_feedback
from grade.submissions import handed_in
from grade.table import lines
from kelas import LAB, another, form, pcap
from output.language import speaking
from zmtp.patterns import PORTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A class of 100, with what is right, wrong, copied, cut, no capture, and no form."""
    students = [str(5025241000 + number) for number in range(1, classes.MANY + 1)]
    for student in students:
        (tmp_path / f"{student}.pcap").write_bytes(pcap(another(student)))
        (tmp_path / f"{student}.txt").write_text(form(reply=f"#{student[-2:]}"))
    copied, cut, none, braces, formless = (tmp_path / f"{name}.pcap" for name in students[40:45])
    copied.write_bytes(pcap(another(students[7], students[40])))
    cut.write_bytes(pcap(LAB)[:-9])
    none.write_bytes(b"no capture")
    braces.rename(braces.with_stem(f"{braces.stem}-{{packet}}-{{}}"))
    braces.with_suffix(".txt").write_text("{key} = {}\n")
    formless.with_suffix(".txt").unlink()
    return tmp_path


def told(folder: Path, feedback: Path) -> list[object]:
    """Return the class as a lecturer and the students get it."""
    handed = handed_in([str(folder)])
    graded = graded_class(handed, PORTS)
    with speaking("id"):
        write_feedback(str(feedback), graded)
    texts = {path.name: path.read_text() for path in feedback.iterdir()}
    return [*lines(graded, handed), as_json(graded, handed), texts]


def test_two_processes_tell_what_one_tells(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    two = told(folder, tmp_path_factory.mktemp("two"))
    monkeypatch.setattr(classes, "MANY", classes.MANY + 1)
    assert two == told(folder, tmp_path_factory.mktemp("one"))


def end(*_: object, **__: object) -> None:
    """End the process that grades, as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def full(*_: object, **__: object) -> None:
    """Find no room, as where a story takes more than the disk has."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_as_with_one_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(classes, "grade", full)
    with pytest.raises(OSError, match="No space left on device"):
        graded_class(handed_in([str(folder)]), PORTS)


def test_a_process_that_is_killed_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(classes, "grade", end)
    options = Namespace(captures=[str(folder)], number=None, ports=PORTS, task=0)
    assert grade_class(options) == 2
    said = "the class: a process that graded it was killed: is memory too small?"
    assert capsys.readouterr() == ("", f"wirezmq.py: {said}\n")


def members(group: int) -> list[str]:
    """Return the processes of a group."""
    return run("pgrep", "-g", str(group)).stdout.split()


def readers(group: int) -> list[str]:
    """Return those of them that have a capture open."""
    return [pid for pid in members(group) if ".pcap" in run("ls", "-l", f"/proc/{pid}/fd").stdout]


@pytest.mark.parametrize("there", [members, readers])  # from the first moment of them on
def test_ctrl_c_ends_all_of_them_without_a_word(
    there: Callable[[int], list[str]], tmp_path: Path
) -> None:
    large = pcap(LAB * 1000)
    for number in range(classes.MANY):  # all of them would take a minute and more
        (tmp_path / f"{number}.pcap").write_bytes(large)
    script = (
        "import os, runpy, sys; os.cpu_count = lambda: 2; sys.argv = sys.argv[1:];"
        "sys.path.insert(0, os.path.dirname(sys.argv[0]));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, WIRE, "--grade", tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_for(lambda: len(there(process.pid)) >= classes.AT_ONCE)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=LIMIT) == (b"", b"")  # all of them have closed theirs
    assert process.returncode == 130
