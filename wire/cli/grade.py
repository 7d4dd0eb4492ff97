"""Grades a class: all that was handed in, what captures share, and the table."""

import argparse
import sys
from collections.abc import Callable

from capture.files import reason
from cli.terminal import NEEDED, complain, progress, written
from grade.copies import copies
from grade.fingerprint import Fingerprint
from grade.graded import Graded, Ports, grade
from grade.numbers import ways
from grade.submissions import Class, Submission, handed_in
from grade.table import finish, lines
from output.language import speak


def _written(path: str, reader: str, write: Callable[[], None]) -> int:
    """Write a file, or files in a folder; return the exit code, 2 if it cannot be done."""
    try:
        write()
    except ImportError as error:
        return complain("--html", NEEDED.format(error.name))
    except OSError as error:
        return complain(path, f"not written: {reason(error, path)}")
    written(path, reader)
    return 0


def _page(path: str, graded: list[Graded], handed: Class) -> None:
    from grade.page import write_table

    write_table(path, graded, handed)


def graded_class(handed: Class, ports: Ports, task: int = 0) -> list[Graded]:
    """Return a row for each hand-in, with what it shares with others."""
    numbers = {way: n for each in handed.submissions for n in each.numbers for way in ways(n)}
    graded: list[Graded] = []
    held: list[list[Fingerprint]] = []

    def far(submission: Submission) -> str:
        return f"{len(graded):,} of {len(handed.submissions):,} hand-ins"

    source = handed.submissions
    for submission in progress(source, far) if sys.stderr.isatty() else source:
        row, fingerprints = grade(submission, numbers, ports, task)
        graded.append(row)
        held.append(fingerprints)
    shared = iter(copies([fingerprint for some in held for fingerprint in some]))
    for row, fingerprints in zip(graded, held, strict=True):
        found = [next(shared) for _ in fingerprints]
        row.copy = max(found, key=lambda copy: len(copy.others), default=row.copy)
    finish(graded)
    return graded


def run(options: argparse.Namespace) -> int:
    """Write the table of the captures and folders in `options`, and return the exit code.

    That is 2 if anything cannot be read, or there is nothing to grade; 1 if there is something
    for the lecturer to look at; otherwise 0.
    """
    handed = handed_in(options.captures, options.number)
    for wrong in handed.closed:
        print(f"wirezmq.py: {wrong}", file=sys.stderr)
    if not handed.submissions:
        if not handed.closed:
            print("wirezmq.py: no captures there to grade", file=sys.stderr)
        return 2
    graded = graded_class(handed, options.ports, options.task)
    if options.csv:
        from grade.export import write_csv

        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        write_csv(graded, handed, sys.stdout)
    elif options.json:
        from grade.export import as_json

        print(as_json(graded, handed))
    else:
        for line in lines(graded, handed):
            print(line)
    sys.stdout.flush()
    unwritten = 0
    if options.html:
        page, reader = options.html, "a browser"
        unwritten = _written(page, reader, lambda: _page(page, graded, handed))
    if options.feedback:
        from grade.feedback import write_feedback

        speak(options.lang)  # the students' language; that of the table is English
        folder, reader = options.feedback, "each student a text"
        unwritten |= _written(folder, reader, lambda: write_feedback(folder, graded))
    if unwritten or handed.closed or any(row.error for row in graded):
        return 2
    return int(not all(row.fine for row in graded))
