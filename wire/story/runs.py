"""Collapses runs of like messages to one event each, while they come in."""

from story.model import KINDS, MESSAGES, Event

TOLD = 500  # events of a connection told one by one; then all of a kind and sender are alike
TOPICS = 8  # topics whose messages may alternate in a run
SHOWN = 10  # texts of a run that are kept
GROUPS = {name: kind.run for name, kind in KINDS.items() if kind.run}  # of those that may collapse


class Runs:
    """The runs of one connection that its next event might continue."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        self.open: dict[tuple[str, str, str], Event] = {}  # kind, sender, likeness

    def take(self, event: Event, told: int) -> Event | None:
        """Add the event to the run that it continues and return that, or let it begin one.

        `told` is how many events of the connection are told already.
        """
        kind, sender, like, free = event.kind, event.sender, "", told < TOLD
        if free and not self.open and kind not in GROUPS:  # it ends no run and begins none
            return None
        if free:
            if event.note and kind in MESSAGES:  # what is unusual stands alone
                self.open.clear()
                return None
            if kind in ("request", "reply"):
                like = event.text
            elif kind == "published":
                like = event.topic
        run = self.open.get((kind, sender, like))
        if run is None:
            if free and self.open:
                self._close(kind, sender)
            if kind in GROUPS or not free:
                self.open[kind, sender, like] = event
            return None
        if run.count == 1:
            run.texts = (run.text,)
        if len(run.texts) < SHOWN:
            run.texts = (*run.texts, event.text)
        if event.round_trip is not None:
            mean = run.round_trip or 0.0
            run.round_trip = mean + (event.round_trip - mean) / (run.count + 1)
        run.count += 1
        run.size += event.size
        run.last_packet, run.last_time, run.last_text = event.packet, event.time, event.text
        return run

    def _close(self, kind: str, sender: str) -> None:
        """End the runs that an event of this kind interrupts."""
        group = GROUPS.get(kind)
        if group == "beat":  # heartbeats come in between everything
            return
        same = sum(other[:2] == (kind, sender) for other in self.open) if group else 0
        full = same >= (TOPICS if group == "published" else 1)
        for other in list(self.open):
            theirs = GROUPS.get(other[0])
            if theirs != "beat" and (full or theirs != group):
                del self.open[other]
