"""A short text for each student: what is missing, which answers are wrong, not what is right."""

import os

from capture.files import create
from grade.graded import Graded
from output.language import _, say

SIGNS = {"right": "+", "wrong": "-", "empty": " "}


def write_feedback(folder: str, graded: list[Graded]) -> None:
    """Write NUMBER.txt for each row into the folder, which is made if it is not there.

    Whose number is not known has the name of the file. Raises OSError.
    """
    os.makedirs(folder, exist_ok=True)
    taken: set[str] = set()
    for row in graded:
        name = row.submission.number or row.file
        name = "".join(c if c.isalnum() or c in " .+-_()" else "_" for c in name).lstrip(".")[:80]
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        with create(os.path.join(folder, f"{name}.txt")) as file:
            file.write(("\n".join(feedback(row)) + "\n").encode())


def feedback(row: Graded) -> list[str]:
    """Return the lines for one student, in the language that is spoken."""
    lines = [row.submission.number or row.file, ""]
    if not row.captured:
        lines.append(_("No capture was handed in."))
    elif row.error:
        lines.append(
            _("The capture could not be read to its end: {reason}").format(reason=say(row.error))
        )
    if row.task:
        return lines + _task(row) * bool(row.packets)
    if row.packets:
        lines.append(_("What the lab asks for:"))
        for asked in row.asked:
            found = _("found") if asked.packets else _("MISSING")
            lines.append(f"  {asked.pattern} {say(asked.asked)}: {found}")
        if not row.sent and row.submission.number:
            lines.append(_("Your number was not sent in a request."))
    lines.append("")
    if not row.form:
        return [*lines, _("No form of answers was handed in.")]
    said = _("Answers: {right} of {all} right.")
    lines.append(said.format(right=row.count("right"), all=len(row.marks)))
    for mark in row.marks:
        words = {"right": _("right"), "empty": _("left empty"), "wrong": ""}[mark.verdict]
        words = mark.mistake.spoken() if mark.mistake else words
        lines.append(f"  {SIGNS[mark.verdict]} {mark.key}: {words}")
    return [*lines, *(f"  {say(odd)}" for odd in row.odd)]


def _task(row: Graded) -> list[str]:
    """Return what a task asks for, and why what is missing is."""
    lines = [_("What task {number} asks for:").format(number=row.task)]
    for asked in row.asked:
        found = _("found") if asked.packets else f"{_('MISSING')}: {asked.cause}"
        lines.append(f"  {say(asked.asked)}: {found}")
    return lines
