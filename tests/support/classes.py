"""What the tests of grading share."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from capture.packet import Packet
from conftest import LIMIT, ROOT
from grade.answers import Answers
from grade.form import parse
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


def marks(answers: bytes | str, packets: list[Packet] = LAB) -> dict[str, Seen]:
    """Return what became of each question of a form, by key."""
    looks = Answers(parse(answers.encode() if isinstance(answers, str) else answers))
    story = Story(keep=False)
    for packet in packets:
        new = story.feed(packet)
        looks.look(packet, story.segment, new)
    looks.look(None, None, story.end())
    found = looks.marks(story)
    return {mark.key: Seen(mark.verdict, str(mark.mistake or "")) for mark in found}


def numbered(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(number=number) for number, packet in enumerate(packets, 1)]
