"""What the tests of grading share."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from capture.packet import Packet
from conftest import LIMIT, ROOT
from grade.answers import Answers, Mark
from grade.form import parse
from grade.numbers import ways
from kelas import CAPTURES, LAB
from story.story import Story

LAB_FILE = CAPTURES / "lab.pcap"


def wire(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def graded(folder: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV of a class, by the names in its header."""
    done = subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", "--grade", "--csv", folder],
        capture_output=True,
        timeout=LIMIT,
    )
    assert b"Traceback" not in done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))


class Seen(NamedTuple):
    """What became of a question."""

    verdict: str
    mistake: str


def marked(answers: bytes | str, packets: list[Packet] = LAB, number: str = "") -> dict[str, Mark]:
    """Return the mark of each question of a form, by key; `number`: the student's."""
    form = parse(answers.encode() if isinstance(answers, str) else answers)
    looks = Answers(form, ways(number))
    story = Story(keep=False)
    for packet in packets:
        new = story.feed(packet)
        looks.look(packet, story.segment, new)
    looks.look(None, None, story.end())
    return {mark.key: mark for mark in looks.marks(story)}


def marks(answers: bytes | str, packets: list[Packet] = LAB, number: str = "") -> dict[str, Seen]:
    """Return what became of each question of a form, by key."""
    found = marked(answers, packets, number)
    return {key: Seen(mark.verdict, str(mark.mistake or "")) for key, mark in found.items()}


def numbered(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(number=number) for number, packet in enumerate(packets, 1)]
