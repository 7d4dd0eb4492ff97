"""A graded class as a table for people, as CSV for a spreadsheet, and as JSON."""

import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from grade.form import QUESTIONS
from grade.graded import Graded
from grade.submissions import Class

CONFUSED = ("TCP", "greeting taken", "READY taken")  # how the mistakes that matter most begin
NAMES = 3  # files that a line names
# A cell that begins so is a formula to a spreadsheet, which may take ";" for the end of a cell.
FORMULA = re.compile("(?:^|(?<=;)) *(?=[=+@＝＋－＠-])")


def lacks(graded: Graded) -> list[str]:
    """Return what the lab asks for and a capture that could be read lacks, a name for each."""
    return [f"{row.pattern} {row.asked}" for row in graded.missing if graded.packets]


def _missing(graded: Graded) -> Iterator[str]:
    """Say what is missing, for patterns that lack the same in one go, with the likely causes."""
    if not graded.connections:
        yield f"no ZMTP in its {graded.packets:,} packets: was it captured on the lab's bridge?"
        return
    alike: dict[tuple[str, str], list[str]] = {}  # what is lacking and why -> patterns
    for pattern in dict.fromkeys(row.pattern for row in graded.missing):
        rows = [row for row in graded.missing if row.pattern == pattern]
        whole = len(rows) == sum(row.pattern == pattern for row in graded.asked)
        asked = "missing" if whole else f"without {', '.join(row.asked for row in rows)}"
        causes = "; ".join(dict.fromkeys(row.cause for row in rows))
        alike.setdefault((asked, causes), []).append(pattern)
    for (asked, causes), patterns in alike.items():
        yield f"{' and '.join(patterns)} {asked} ({causes})"


def _named(names: list[str], more: int = 0) -> str:
    more += len(names[NAMES:])
    return ", ".join(names[:NAMES]) + (f" and {more:,} more" if more else "")


def _copied(graded: Graded) -> Iterator[str]:
    """Say which files hold the same connections, and what differs from the earlier ones."""
    names, more, differs = graded.copy
    for name, what in zip(names, differs, strict=False):
        yield f"same as {name}: {what}"
    if later := names[len(differs) :]:
        yield f"{'also' if differs else 'same'} in {_named(later, more)}"


def remarks(graded: Graded) -> Iterator[str]:
    """Say in words all that a lecturer has to look at."""
    if graded.error:
        yield graded.error
    yield from graded.notes
    if graded.packets and graded.missing:
        yield from _missing(graded)
    if graded.packets:
        if not graded.file.number:
            yield "no number in the file's name"
        elif not graded.sent:
            yield f'no request is "{graded.file.number}"'
    if graded.others:
        yield f"numbers of others: {_named(graded.others)}"
    yield from _copied(graded)
    yield from graded.mistakes
    yield from graded.odd


def cells(graded: Graded) -> tuple[str, ...]:
    """Return the columns of a line, the remarks last."""
    lab = "complete" if not graded.missing else "MISSING" if graded.packets else "UNREAD"
    answers = f"{graded.count('right')} of {len(graded.marks)}"
    if not graded.marks:
        answers = "-" if graded.file.form else "no form"
    sent = "yes" if graded.sent else "MISSING" if graded.packets else "-"
    copied = "COPY" if graded.copy.others else "-"
    number = graded.file.number[:20] or "?"
    return number, lab, sent, copied, answers, graded.file.name[:60], "; ".join(remarks(graded))


HEAD = ("number", "lab", "number sent", "copies", "answers", "file", "what to look at")


def lines(rows: list[Graded], handed: Class) -> Iterator[str]:
    """Yield the table, a line for each capture, and then what holds for the class."""
    table = [HEAD, *map(cells, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD) - 1)]
    for row in table:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*padded, row[-1]]).rstrip()
    yield ""
    totals = summary(rows)
    yield (
        f"{len(rows):,} handed in: {totals['complete']:,} complete, {totals['sent']:,} with their "
        f"number, {totals['copies']:,} that share connections, "
        f"{totals['unread']:,} not read in full"
    )
    for name, count in totals["missing"].items():
        yield f"{count:>5,}  without {name}"
    for name, count in totals["mistakes"].items():
        yield f"{count:>5,}  {name}"
    if totals["took_tcp_for_zmtp"]:
        yield f"{totals['took_tcp_for_zmtp']:,} took TCP for ZMTP, or its handshake for a message"
    yield from left_out(handed)


def left_out(handed: Class) -> Iterator[str]:
    """Say what was handed in and is in no line."""
    if handed.others:
        yield f"neither captures nor forms: {_named(handed.others)}"
    if handed.forms:
        yield f"forms without a capture: {_named(handed.forms)}"


def summary(rows: list[Graded]) -> dict[str, Any]:
    """Return what holds for the class, what is most frequent first."""
    confused = [row for row in rows if any(name.startswith(CONFUSED) for name in row.mistakes)]
    return {
        "captures": len(rows),
        "complete": sum(not row.missing for row in rows),
        "sent": sum(row.sent for row in rows),
        "copies": sum(bool(row.copy.others) for row in rows),
        "unread": sum(bool(row.error) for row in rows),
        "missing": dict(Counter(name for row in rows for name in lacks(row)).most_common()),
        "took_tcp_for_zmtp": len(confused),
        "mistakes": dict(Counter(name for row in rows for name in row.mistakes).most_common()),
    }


def objects(rows: Iterable[Graded]) -> Iterator[dict[str, Any]]:
    """Yield each capture as the object of JSON and the line of CSV."""
    for row in rows:
        found = {
            "number": row.file.number,
            "file": row.file.name,
            "complete": not row.missing,
            "missing": lacks(row),
            "number_found": row.sent,
            "other_numbers": row.others,
            "copies": row.copy.others + [f"{row.copy.more} more"] * bool(row.copy.more),
            "differences": list(_copied(row)),
            "form": bool(row.file.form),
            "right": row.count("right"),
            "asked": len(row.marks),
            "mistakes": row.mistakes,
            "form_errors": row.odd,
            "notes": row.notes,
            "error": row.error,
        }
        verdicts = {mark.key: mark.verdict for mark in row.marks}
        yield found | {f"answer_{key}": verdicts.get(key, "") for key in QUESTIONS}


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
    whole = {"captures": list(objects(rows)), "class": summary(rows)}
    whole |= {"others": handed.others, "forms_without_capture": handed.forms}
    return json.dumps(whole, ensure_ascii=False, indent=1)
