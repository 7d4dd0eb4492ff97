"""A graded class for programs: as CSV for a spreadsheet, and as JSON."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from grade.form import QUESTIONS
from grade.graded import Graded
from grade.submissions import Class
from grade.table import copied, lacks, left_out, summary

# A cell that begins so is a formula to a spreadsheet, which may take ";" for the end of a cell.
FORMULA = re.compile("(?:^|(?<=;)) *(?=[=+@＝＋－＠-])")
# What is told of the lab, its numbers and its forms, and not of a task.
LAB = {
    *("number_found", "other_numbers", "form", "right", "asked", "mistakes", "form_errors"),
    *("same_bridge", "same_form", "sent", "took_tcp_for_zmtp", "same_forms"),
}


def objects(rows: list[Graded]) -> Iterator[dict[str, Any]]:
    """Yield each hand-in as the object of JSON and the line of CSV."""
    keys = list(dict.fromkeys([*QUESTIONS, *(mark.key for row in rows for mark in row.marks)]))
    for row in rows:
        files = (*row.submission.captures, *row.submission.forms)
        found: dict[str, Any] = {
            "number": row.submission.number,
            "file": row.file,
            "complete": row.complete,
            "missing": lacks(row),
            "number_found": row.sent,
            "other_numbers": row.others,
            "copies": row.copy.others + [f"{row.copy.more} more"] * bool(row.copy.more),
            "differences": list(copied(row)),
            "form": bool(row.form),
            "right": row.count("right"),
            "asked": len(row.marks),
            "mistakes": row.mistakes,
            "form_errors": row.odd,
            "notes": row.notes,
            "error": row.error or ("" if row.captured else "no capture"),
            "same_bridge": row.copy.beside,
            "same_form": row.same_form,
            "files": [file.name for file in files],
        }
        if row.task:
            why = [f"{asked.asked}: {asked.cause}" for asked in row.missing if row.packets]
            yield {"task": row.task} | _without_lab(found) | {"why": why}
            continue
        marks = {mark.key: mark for mark in row.marks}
        for key in keys:
            mark = marks.get(key)
            found[f"given_{key}"] = mark.given if mark else ""
            found[f"correct_{key}"] = mark.right if mark else ""
            found[f"why_{key}"] = str(mark.mistake) if mark and mark.mistake else ""
        yield found | {f"answer_{key}": marks[key].verdict if key in marks else "" for key in keys}


def _without_lab(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a task."""
    return {key: value for key, value in found.items() if key not in LAB}


def cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return FORMULA.sub(r"\g<0>'", text)


def write_csv(rows: list[Graded], handed: Class, out: TextIO) -> None:
    """Write a header and a line for each capture; what is in no line goes to stderr."""
    table = [{name: cell(value) for name, value in found.items()} for found in objects(rows)]
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    for line in left_out(handed):
        print(line, file=sys.stderr)


def as_json(rows: list[Graded], handed: Class) -> str:
    """Return the class as one object."""
    totals = summary(rows)
    whole = {
        "captures": list(objects(rows)),
        "class": _without_lab(totals) if rows[0].task else totals,
    }
    whole["others"] = handed.others
    return json.dumps(whole, ensure_ascii=False, indent=1)
