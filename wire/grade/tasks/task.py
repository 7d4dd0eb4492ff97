"""What the tasks have in common: an observer of the one pass, whose rows say what it saw.

task = TASKS[1]()
read(path, story, task.look)   # a Story whose bodies are whole: Story(whole=WHOLE)
task.rows(story)               # a Requirement for each text in task.asked
"""

from capture.packet import Packet
from grade.mistakes import N_
from grade.requirements import Reason, Requirement
from output.language import _
from story.model import Connection, Event, New
from story.reader import Segment
from story.story import Story

MOST = 10_000  # jobs handed out, and requests, that are looked at
Finding = list[int] | Reason  # the packets that show it, or why it is missing


class Task:
    """Looks, while a capture is read, at what one task asks for."""

    pattern = ""
    patterns: tuple[str, ...] = ()  # of the connections that it is about
    asked: tuple[str, ...] = ()  # what docs/tugas.md quotes
    of_all: tuple[int, ...] = ()  # which of these say something of all that passed

    def __init__(self) -> None:
        self.wrong: dict[int, Reason] = {}  # index in `asked` -> the first that speaks against it

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of the events that a packet completes."""
        for connection, event in new:
            self.take(connection, event)

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        raise NotImplementedError

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        raise NotImplementedError

    def note(self, index: int, text: str, /, **fields: object) -> None:
        """Take down what speaks against one of `asked`, unless something did before."""
        self.wrong.setdefault(index, Reason(text, fields))

    def rows(self, story: Story) -> list[Requirement]:
        """Return a row for each that is asked for; `packets` is "" if it is missing."""
        rows, hole = [], self._hole(story)
        for index, (asked, finding) in enumerate(zip(self.asked, self.found(story), strict=True)):
            against = self.wrong.get(index, finding)
            if hole and (against.absent if isinstance(against, Reason) else index in self.of_all):
                against = hole
            said = "" if isinstance(against, Reason) else ", ".join(map(str, against))
            cause = against if isinstance(against, Reason) else ""
            rows.append(Requirement(self.pattern, _(asked), said, cause))
        return rows

    def _hole(self, story: Story) -> Reason | None:
        """Return why something may have passed that is not told, None if nothing has."""
        losses, here = story.losses, [c for c in story.connections if c.pattern in self.patterns]
        if losses.dropped:
            said = N_("cannot be told: {number} packets were dropped by the kernel")
            return Reason(said, {"number": losses.dropped})
        if any(connection.missing or "gap" in connection.counts for connection in here):
            return Reason(N_("cannot be told: bytes of a connection are not in the capture"))
        if losses.evicted or losses.left_out:
            return Reason(N_("cannot be told: not all of its many connections were followed"))
        if any(connection.late for connection in here):
            return Reason(N_("cannot be told: a connection began before the capture"))
        return None
