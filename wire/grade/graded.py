"""Grades what a student handed in: what the lab asks for, the number, the answers; or a task."""

import os
from dataclasses import dataclass, field

from grade.answers import Answers, Mark
from grade.copies import Copy
from grade.fingerprint import CONNECTIONS, Fingerprint
from grade.form import Form, FormError, read_form
from grade.requirements import Requirement, rows, task_of
from grade.submissions import File, Submission
from output.text import losses
from safe import Said
from story.reader import read
from story.story import Story

Ports = dict[int, tuple[str, str]]
FORMS = 5  # forms of one student that are read


@dataclass(slots=True)
class Graded:
    """One hand-in, graded by the best of its captures."""

    submission: Submission
    file: str = ""  # the name of that capture, of the form where there is none; safe to show
    form: str = ""  # the name of the form that counts, "" if there is none
    asked: list[Requirement] = field(default_factory=list)  # what the lab, or the task, asks for
    packets: int = 0
    connections: int = 0  # of ZMTP
    notes: list[str] = field(default_factory=list)  # what kept packets from being told
    sent: bool = False  # a request is the student's number
    others: list[str] = field(default_factory=list)  # numbers of other students that are requests
    marks: list[Mark] = field(default_factory=list)  # none if there is no form
    odd: list[str] = field(default_factory=list)  # what is wrong with the form itself
    error: str = ""  # what kept the capture from being read to its end
    copy: Copy = field(default_factory=lambda: Copy([], 0, [], []))
    same_form: list[str] = field(default_factory=list)  # who gave the same wrong answers
    formless: bool = False  # there is no form, and others of the class have one
    task: int = 0  # which was asked for instead of the lab

    @property
    def captured(self) -> bool:
        """Tell whether there is a capture at all."""
        return bool(self.submission.captures)

    @property
    def missing(self) -> list[Requirement]:
        return [row for row in self.asked if not row.packets]

    @property
    def complete(self) -> bool:
        return bool(self.asked) and not self.missing

    def count(self, verdict: str) -> int:
        """Return how many answers are "right", "wrong" or "empty"."""
        return sum(mark.verdict == verdict for mark in self.marks)

    @property
    def mistakes(self) -> list[str]:
        return [str(mark.mistake) for mark in self.marks if mark.mistake]

    @property
    def fine(self) -> bool:
        """Tell whether all is complete and right, and there is nothing to look at."""
        wrong = self.others or self.copy.others or self.copy.beside or self.notes or self.odd
        right = self.count("right") == len(self.marks) and not self.formless
        sent = self.sent or self.task
        return bool(self.complete and sent and right and not wrong and not self.error)

    @property
    def rank(self) -> tuple[bool, bool, int, int, int]:
        """Return how good it is: of several captures of one student the best counts."""
        found = len(self.asked) - len(self.missing)
        return self.sent, not self.error, found, self.count("right"), self.count("wrong")


def grade(
    submission: Submission, numbers: dict[str, str], ports: Ports, task: int = 0
) -> tuple[Graded, list[Fingerprint]]:
    """Grade a hand-in, and return what tells its captures from others, the best first.

    `numbers` are those of the class, as plain() gives them -> as they are written; `ports` hints
    for Story. `task`: what is asked for instead of the lab, its number and its form.
    """
    forms: list[tuple[File, Form]] = []
    for file in submission.forms[: FORMS * (not task)]:
        try:
            forms.append((file, read_form(file.path)))
        except FormError as problem:
            forms.append((file, Form({}, [Said("form: {problem}", problem=problem.said)])))
    captures = submission.captures
    graded = [_capture(submission, file, forms, numbers, ports, task) for file in captures]
    graded.sort(key=lambda pair: pair[0].rank, reverse=True)
    if not graded:
        row = Graded(submission, submission.forms[0].name, task=task)
        row.form = "" if task else row.file
        row.odd = [odd for _, form in forms if not form.answers for odd in form.odd]
        return row, []
    return graded[0][0], [fingerprint for _, fingerprint in graded]


def _capture(
    submission: Submission,
    file: File,
    forms: list[tuple[File, Form]],
    numbers: dict[str, str],
    ports: Ports,
    task: int,
) -> tuple[Graded, Fingerprint]:
    work, whole = task_of(task)
    story = Story(ports=ports, keep=False, whole=whole)
    owners = submission.owners
    fingerprint = Fingerprint(file.path, file.name, owners, () if task else numbers)
    marked = [(form_file, Answers(form, owners)) for form_file, form in forms]
    if not os.path.isfile(file.path) and os.path.exists(file.path):
        error: str = Said("not a file")  # a pipe would not end
    else:
        looks = [answers.look for _, answers in marked] + ([work.look] if work else [])
        error = read(file.path, story, fingerprint.look, *looks)
    fingerprint.close(story)
    asked = work.rows(story) if work else rows(story)
    graded = Graded(submission, file.name, asked=asked, packets=story.packets, task=task)
    graded.connections, graded.error = len(story.connections), error
    graded.notes = list(losses(story.losses))
    if graded.connections > CONNECTIONS:
        graded.notes.append(f"compared with others: only its first {CONNECTIONS} connections")
    elif graded.connections and not fingerprint.held:
        graded.notes.append("none of its connections can be compared with those of others")
    graded.sent = fingerprint.sent
    graded.others = sorted({numbers[way] for way in fingerprint.numbers - owners})
    for form_file, answers in marked:
        marks = answers.marks(story) if story.packets else []
        right = sum(mark.verdict == "right" for mark in marks)
        if not graded.form or right > graded.count("right"):
            graded.form, graded.marks, graded.odd = form_file.name, marks, answers.form.odd
    return graded, fingerprint
