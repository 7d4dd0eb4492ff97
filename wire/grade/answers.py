"""Marks the answers of a form by the student's own capture.

    answers = Answers(form, ways(number))   # or without a number that is known
    read(path, story, answers.look)   # an observer of the one pass
    answers.marks(story)              # a Mark for each question

What is asked stands in form.py, with the module that marks it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from capture.packet import Packet
from grade.acknowledged import Acknowledged
from grade.counts import Counts
from grade.details import Details
from grade.form import Form
from grade.lost_jobs import Workers
from grade.mistakes import Mistake
from grade.packets import Packets
from grade.times import Times
from output.language import _
from story.model import KINDS, Connection, Event, New
from story.reader import Segment
from story.story import Story

Taker = Callable[[Connection, Event, Packet | None, Segment | None], None]
ZMTP = [name for name, kind in KINDS.items() if kind.layer == "ZMTP"]


class Mark(NamedTuple):
    """What became of one question."""

    key: str
    verdict: str  # "right", "wrong" or "empty"
    mistake: Mistake | None = None  # if it is wrong
    given: str = ""  # what the form says
    right: str = ""  # an answer that would be right, "" if the capture has none


class Marker(Protocol):
    """Marks the questions of one kind."""

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with an answer, None if it is right."""

    def example(self, key: str, story: Story) -> str:
        """Return an answer that would be right, "" if the capture has none."""


class Answers:
    """Looks, while a capture is read, at all that its form of answers asks for."""

    def __init__(self, form: Form, owners: frozenset[str] = frozenset()) -> None:
        """`owners`: the student's number, in all ways to write it, as ways() gives them."""
        self.form = form
        self.packets = packets = Packets(form, owners)
        self.acknowledged, self.counts = Acknowledged(form, packets), Counts(form)
        details, times, workers = Details(form, packets), Times(form, packets), Workers()
        self.markers: dict[str, Marker] = {  # by the module that the table in form.py names
            "packets": packets,
            "details": details,
            "acknowledged": self.acknowledged,
            "counts": self.counts,
            "times": times,
            "lost_jobs": workers,
        }
        # Kind of event -> what takes note of it. Details reads what Packets has just noted.
        self.takers: dict[str, list[Taker]] = {kind: [packets.take] for kind in ZMTP}
        self.takers["request"] += [details.take]
        self.takers["reply"] += [details.take, times.take]
        self.takers["job"] += [self.acknowledged.take, workers.take]
        self.takers |= {"fin": [workers.take], "rst": [workers.take]}

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of a packet and of the events that it completes; None at the end."""
        for connection, event in new:
            for take in self.takers.get(event.kind, ()):
                take(connection, event, packet, segment)
        if packet:
            self.packets.look(packet, segment)
        if segment:
            self.counts.look(segment)
            self.acknowledged.look(segment)

    def marks(self, story: Story) -> list[Mark]:
        """Return a mark for each question, in the order of the form."""
        marks = []
        for key, question in self.form.questions.items():
            marker, given = self.markers[question.module], self.form.answers.get(key, "")
            mistake = marker.mistake(key, given, story) if given else None
            verdict = "wrong" if mistake else "right" if given else "empty"
            marks.append(Mark(key, verdict, mistake, given, marker.example(key, story)))
        return marks


def tally(marks: list[Mark]) -> Iterator[str]:
    """Say how many answers are right, without saying which."""
    count = Counter(mark.verdict for mark in marks)
    said = _("answers: {right} right, {wrong} wrong, {empty} empty, of {all}")
    counts = {verdict: count[verdict] for verdict in ("right", "wrong", "empty")}
    yield said.format(**counts, all=len(marks))
    if another := sum(mark.mistake is not None and mark.mistake.another for mark in marks):
        said = _("about a request, but not the one with your number: {number}")
        yield said.format(number=another)
