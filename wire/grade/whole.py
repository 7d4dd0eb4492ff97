"""Grades a class: every capture that was handed in, what they share, and the table."""

import argparse
import os
import sys

from read.payload import printable
from read.story import Story
from read.whole import progress, read

from grade.copies import Capture, copies
from grade.files import File, handed_in
from grade.form import FormError, read_form
from grade.marks import Answers, tally
from grade.row import Graded, Ports, grade
from grade.table import as_json, lines, write_csv


def check_answers(options: argparse.Namespace, ports: Ports) -> int:
    """Print how many answers of one form are right, not which; return the exit code."""
    try:
        form = read_form(options.answers)
    except FormError as error:
        print(f"wirezmq.py: {printable(os.fsencode(options.answers))}: {error}", file=sys.stderr)
        return 2
    story, answers = Story(ports=ports, keep=False), Answers(form)
    read(options.captures[0], story, answers.look)  # what is wrong with it is said already
    if not story.frames:
        return 2
    marks = answers.marks(story)
    for line in tally(marks), *form.odd:
        print(line)
    return int(any(mark.verdict != "right" for mark in marks))


def grade_class(options: argparse.Namespace, ports: Ports) -> int:
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
    held: list[Capture] = []

    def far(file: File) -> str:
        return f"{len(graded):,} of {len(handed.files):,} captures"

    for file in progress(handed.files, far) if sys.stderr.isatty() else handed.files:
        row, capture = grade(file, numbers, ports)
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
