"""The table of a class, of all that was handed in."""

import argparse
import sys
from collections.abc import Callable, Iterable

from capture.files import reason
from cli.terminal import NEEDED, complain, progress, written
from grade.classes import Row, graded_class
from grade.graded import Graded
from grade.submissions import Class, handed_in
from grade.table import lines
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


def _watched(rows: Iterable[Row], count: int) -> Iterable[Row]:
    """Pass rows on, and say how far it is where a person looks on."""
    if not sys.stderr.isatty():
        return rows

    def far(numbered: tuple[int, Row]) -> str:
        return f"{numbered[0]:,} of {count:,} hand-ins"

    return (row for _, row in progress(enumerate(rows), far))


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
    try:
        graded = graded_class(handed, options.ports, options.task, _watched)
    except EOFError:
        return complain("the class", "a process that graded it was killed: is memory too small?")
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
