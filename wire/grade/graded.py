"""Grades one capture: what the lab asks for, the student's number, the answers."""

import os
from dataclasses import dataclass, field

from capture.packet import Packet
from grade.answers import Answers, Mark
from grade.copies import CONNECTIONS, Copy, Fingerprint
from grade.form import Form, FormError, read_form
from grade.requirements import Requirement, rows
from grade.submissions import Submission
from output.words import losses
from story.model import New
from story.reader import Segment, read
from story.story import Story

Ports = dict[int, tuple[str, str]]


@dataclass
class Graded:
    """One capture of a class, graded."""

    file: Submission
    asked: list[Requirement]  # what the lab asks for
    packets: int = 0
    connections: int = 0  # of ZMTP
    notes: list[str] = field(default_factory=list)  # what kept packets from being told
    sent: bool = False  # a request is the student's number
    others: list[str] = field(default_factory=list)  # numbers of other students that are requests
    marks: list[Mark] = field(default_factory=list)  # none if there is no form
    odd: list[str] = field(default_factory=list)  # what is wrong with the form itself
    error: str = ""  # what kept the capture from being read to its end
    copy: Copy = field(default_factory=lambda: Copy([], 0, []))

    @property
    def missing(self) -> list[Requirement]:
        return [row for row in self.asked if not row.packets]

    def count(self, verdict: str) -> int:
        """Return how many answers are "right", "wrong" or "empty"."""
        return sum(mark.verdict == verdict for mark in self.marks)

    @property
    def mistakes(self) -> list[str]:
        return [mark.mistake for mark in self.marks if mark.mistake]

    @property
    def fine(self) -> bool:
        """Tell whether there is nothing for the lecturer to look at."""
        wrong = self.missing or self.others or self.copy.others or self.notes or self.odd
        return self.sent and not wrong and not self.error and self.count("right") == len(self.marks)


def grade(file: Submission, numbers: set[str], ports: Ports) -> tuple[Graded, Fingerprint]:
    """Read one capture; `numbers` are those of the class, `ports` hints for Story."""
    story = Story(ports=ports, keep=False)
    form = Form({}, [])
    try:
        form = read_form(file.form) if file.form else form
    except FormError as problem:
        form.odd.append(f"form: {problem}")
    answers = Answers(form)
    fingerprint = Fingerprint(file.path, file.name)
    sent: set[str] = set()

    def look(packet: Packet | None, segment: Segment | None, new: New) -> None:
        for _, event in new:
            if event.kind == "request" and event.text in numbers:
                if event.size == len(event.text.encode()):  # not a pickle of it
                    sent.add(event.text)
        fingerprint.look(packet, segment, new)
        if file.form:
            answers.look(packet, segment, new)

    if os.path.exists(file.path) and not os.path.isfile(file.path):
        error = "not a file"  # a pipe would not end
    else:
        error = read(file.path, story, look)
    fingerprint.close(story)
    graded = Graded(file, rows(story), story.packets, len(story.connections), odd=form.odd)
    graded.error, graded.notes = error, list(losses(story.losses))
    if graded.connections > CONNECTIONS:
        graded.notes.append(f"compared with others: only its first {CONNECTIONS} connections")
    elif graded.connections and not fingerprint.held:
        graded.notes.append("none of its connections can be compared with those of others")
    graded.sent = file.number in sent
    graded.others = sorted(n for n in sent - {file.number} if any(map(str.isdigit, n)))
    if file.form and story.packets:
        graded.marks = answers.marks(story)
    return graded, fingerprint
