"""Collapses runs of like events to one event each, while they come in.

Only what is alike is told together, so that what a line says is true of each. Of a very long
connection all of a kind and a sender are told together, to keep memory flat; then what holds for
the first alone is taken back.
"""

from collections.abc import Hashable
from operator import attrgetter

from story.model import KINDS, MESSAGES, Event

TOLD = 500  # events of a connection told one by one; then all of a kind and sender are one run
LIKES = {"published": 8, "gap": 3}  # unlike ones whose events may alternate without ending a run
ROLE = attrgetter("role")
SHOWN = 10  # texts of a run that are kept
GROUPS = {name: kind.run for name, kind in KINDS.items() if kind.run}  # of those that may collapse


class Runs:
    """The runs of one connection that its next event might continue."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open: dict[tuple[str, str, Hashable], Event] = {}  # kind, sender, likeness

    def take(self, event: Event, told: int) -> Event | None:
        """Add the event to the run that it continues and return that, or let it begin one.

        `told` is how many events of the connection are told already.
        """
        kind, free = event.kind, told < TOLD
        if free and not self.open and kind not in GROUPS:  # it ends no run and begins none
            return None
        sender = event.sender
        like: Hashable = event.note if kind == "gap" else ""
        if free:
            if event.note and kind in MESSAGES:  # what is unusual stands alone
                self.open.clear()
                return None
            like = like or _likeness(event)
        run = self.open.get((kind, sender, like))
        if run is None:
            if free and self.open:
                self._close(kind, sender)
            if kind in GROUPS or not free:
                self.open[kind, sender, like] = event
            return None
        if run.count == 1:
            run.texts, run.timed = (run.text,), run.round_trip is not None
        if not free:
            _take_back(run, event)
        run.same = run.same and event.text == run.text
        if len(run.texts) < SHOWN:
            run.texts = (*run.texts, event.text)
        if event.round_trip is not None:
            run.timed += 1
            mean = run.round_trip or 0.0
            run.round_trip = mean + (event.round_trip - mean) / run.timed
        run.count += 1
        run.size += event.size
        run.last_packet, run.last_time, run.last_text = event.packet, event.time, event.text
        return run

    def _close(self, kind: str, sender: str) -> None:
        """End the runs that an event of this kind interrupts."""
        group = GROUPS.get(kind, "")
        if group == "beat":  # heartbeats come in between everything
            return
        same = sum(other[:2] == (kind, sender) for other in self.open) if group else 0
        full = same >= LIKES.get(group, 1)
        for other in list(self.open):
            theirs = GROUPS.get(other[0])
            if theirs != "beat" and (full or theirs != group):
                del self.open[other]


def _likeness(event: Event) -> Hashable:
    """Return what events of one run have in common, beside their kind and their sender."""
    kind = event.kind
    if kind in ("request", "reply"):
        timed = event.round_trip is not None
        return event.text, event.size, timed, *map(ROLE, event.parts)
    if kind == "published":
        return event.topic
    return (event.text if kind in ("ping", "pong", "command") else ""), event.note


def _take_back(run: Event, event: Event) -> None:
    """Take back what the first event of a run says and this one does not."""
    if run.topic != event.topic:
        run.topic = ""
    if run.noted or run.note != event.note:
        run.noted = (run.noted or run.count * bool(run.note)) + bool(event.note)
        run.note = ""
    about = event.socket_type, event.identity, event.metadata, event.version, event.mechanism
    if about != (run.socket_type, run.identity, run.metadata, run.version, run.mechanism) or (
        [part.role for part in run.parts] != [part.role for part in event.parts]
    ):
        run.alike = False
