"""A graded class as a table for people, and what holds for all of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from grade.graded import Graded
from grade.submissions import Class

CONFUSED = (
    "TCP",
    "greeting taken",
    "READY taken",
    "requests",
)  # how the mistakes that matter most begin
NAMES = 3  # files that a line names
ALIKE = 2  # wrong answers without which forms may be the same by chance


def finish(rows: list[Graded]) -> None:
    """Note in each row what only the class tells: forms that are the same, or not there."""
    if rows[0].task:
        return
    whose = {file.name: row.submission.numbers for row in rows for file in row.submission.captures}
    alike: dict[tuple[tuple[str, str], ...], list[Graded]] = {}
    for row in rows:
        beside = {number for name in row.copy.beside for number in whose[name]}
        row.others = [number for number in row.others if number not in beside]
        row.formless = not row.form and any(other.form for other in rows)
        if row.count("wrong") >= ALIKE:
            alike.setdefault(tuple((mark.key, mark.given) for mark in row.marks), []).append(row)
    for same in alike.values():
        for row in same:
            row.same_form = [other.file for other in same if other is not row]


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
        causes = "; ".join(dict.fromkeys(str(row.cause) for row in rows))
        alike.setdefault((asked, causes), []).append(pattern)
    for (asked, causes), patterns in alike.items():
        yield f"{' and '.join(patterns)} {asked} ({causes})"


def _named(names: list[str], more: int = 0) -> str:
    more += len(names[NAMES:])
    return ", ".join(names[:NAMES]) + (f" and {more:,} more" if more else "")


def copied(graded: Graded) -> Iterator[str]:
    """Say which files hold the same connections, and what differs from the earlier ones."""
    names, more, differs, _ = graded.copy
    for name, what in zip(names, differs, strict=False):
        yield f"same as {name}: {what}"
    if later := names[len(differs) :]:
        yield f"{'also' if differs else 'same'} in {_named(later, more)}"


def remarks(graded: Graded) -> Iterator[str]:
    """Say in words all that a lecturer has to look at, and what else was handed in."""
    if not graded.captured:
        yield "no capture"
    if graded.error:
        yield graded.error
    yield from graded.notes
    if graded.packets and graded.missing:
        yield from _missing(graded)
    if graded.captured and not graded.submission.number:
        yield "no number in the file's name"
    elif graded.packets and not graded.sent and not graded.task:
        yield " and ".join(f'no request is "{number}"' for number in graded.submission.numbers)
    if graded.others:
        yield f"numbers of others: {_named(graded.others)}"
    yield from copied(graded)
    if graded.copy.beside:
        yield f"the same bridge at the same time as {_named(graded.copy.beside)}"
    yield from graded.mistakes
    if graded.same_form:
        yield f"the same wrong answers as in {_named(graded.same_form)}"
    yield from graded.odd
    files = (*graded.submission.captures, *graded.submission.forms)
    if more := [file.name for file in files if file.name not in (graded.file, graded.form)]:
        yield f"the best of several; also handed in: {', '.join(more)}"


def cells(graded: Graded) -> tuple[str, ...]:
    """Return the columns of a line, the remarks last."""
    lab = "complete" if graded.complete else "MISSING" if graded.packets else "UNREAD"
    if not graded.captured:
        lab = "NO FILE"
    answers = f"{graded.count('right')} of {len(graded.marks)}"
    if not graded.marks:
        answers = "-" if graded.form else "no form"
    sent = "yes" if graded.sent else "MISSING" if graded.packets else "-"
    copied = "COPY" if graded.copy.others else "bridge" if graded.copy.beside else "-"
    number, file = graded.submission.number[:24] or "?", graded.file[:60]
    last = "; ".join(remarks(graded))
    if graded.task:
        return number, lab, copied, file, last
    return number, lab, sent, copied, answers, file, last


def head(rows: list[Graded]) -> tuple[str, ...]:
    """Return the names of the columns."""
    if task := rows[0].task:
        return "number", f"task {task}", "copies", "file", "what to look at"
    return "number", "lab", "number sent", "copies", "answers", "file", "what to look at"


def lines(rows: list[Graded], handed: Class) -> Iterator[str]:
    """Yield the table, a line for each capture, and then what holds for the class."""
    table = [head(rows), *map(cells, rows)]
    widths = [max(map(len, column)) for column in list(zip(*table, strict=True))[:-1]]
    for row in table:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*padded, row[-1]]).rstrip()
    yield ""
    totals = summary(rows)
    sent = "" if rows[0].task else f" {totals['sent']:,} with their number,"
    yield (
        f"{len(rows):,} handed in: {totals['complete']:,} complete,{sent} {totals['copies']:,} "
        f"that share connections, {totals['unread']:,} not read in full"
    )
    for name, count in totals["missing"].items():
        yield f"{count:>5,}  without {name}"
    for name, count in totals["mistakes"].items():
        yield f"{count:>5,}  {name}"
    if totals["same_forms"]:
        yield f"{totals['same_forms']:,} with the wrong answers of another, word for word"
    if totals["took_tcp_for_zmtp"]:
        yield f"{totals['took_tcp_for_zmtp']:,} took TCP for ZMTP, or its handshake for a message"
    yield from left_out(handed)


def left_out(handed: Class) -> Iterator[str]:
    """Say what was handed in and is in no line, each by its name."""
    if handed.others:
        yield f"neither captures nor forms: {', '.join(handed.others)}"


def summary(rows: list[Graded]) -> dict[str, Any]:
    """Return what holds for the class, what is most frequent first.

    A form that several handed in, word for word, is counted once where it is wrong.
    """
    once = [row for at, row in enumerate(rows) if not _counted(row, rows[:at])]
    confused = [row for row in once if any(name.startswith(CONFUSED) for name in row.mistakes)]
    return {
        "captures": len(rows),
        "complete": sum(row.complete for row in rows),
        "sent": sum(row.sent for row in rows),
        "copies": sum(bool(row.copy.others) for row in rows),
        "unread": sum(bool(row.error) or not row.captured for row in rows),
        "missing": dict(Counter(name for row in rows for name in lacks(row)).most_common()),
        "took_tcp_for_zmtp": len(confused),
        "same_forms": sum(bool(row.same_form) for row in rows),
        "mistakes": dict(Counter(name for row in once for name in row.mistakes).most_common()),
    }


def _counted(row: Graded, earlier: list[Graded]) -> bool:
    """Tell whether an earlier row has the same wrong answers."""
    return bool(row.same_form) and any(other.file in row.same_form for other in earlier)
