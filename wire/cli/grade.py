"""Grades a class: every capture that was handed in, what they share, and the table."""

import argparse
import sys

from cli.terminal import progress
from grade.copies import Fingerprint, copies
from grade.graded import Graded, grade
from grade.submissions import Submission, handed_in
from grade.table import as_json, lines, write_csv


def run(options: argparse.Namespace) -> int:
    """Write the table of the captures and folders in `options`, and return the exit code.

    That is 2 if anything cannot be read, or there is nothing to grade; 1 if there is something
    for the lecturer to look at; otherwise 0.
    """
    handed = handed_in(options.captures)
    for wrong in handed.closed:
        print(f"wirezmq.py: {wrong}", file=sys.stderr)
    if not handed.files:
        if not handed.closed:
            print("wirezmq.py: no captures there to grade", file=sys.stderr)
        return 2
    numbers = {file.number for file in handed.files}
    graded: list[Graded] = []
    held: list[Fingerprint] = []

    def far(file: Submission) -> str:
        return f"{len(graded):,} of {len(handed.files):,} captures"

    for file in progress(handed.files, far) if sys.stderr.isatty() else handed.files:
        row, capture = grade(file, numbers, options.ports)
        graded.append(row)
        held.append(capture)
    for row, copy in zip(graded, copies(held), strict=True):
        row.copy = copy
    if options.csv:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        write_csv(graded, handed, sys.stdout)
    elif options.json:
        print(as_json(graded, handed))
    else:
        for line in lines(graded, handed):
            print(line)
    if handed.closed or any(row.error for row in graded):
        return 2
    return int(not all(row.fine for row in graded))
