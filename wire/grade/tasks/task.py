"""What the tasks have in common: an observer of the one pass, whose rows say what it saw.

task = TASKS[1]()
read(path, story, task.look)   # a Story whose bodies are whole: Story(whole=WHOLE)
task.rows(story)               # a Requirement for each text in task.asked
"""

from collections.abc import Mapping

from capture.packet import Packet
from grade.requirements import Reason, Requirement
from grade.tasks import reasons as why
from grade.tasks.content import Refused
from output.language import _
from story.model import Connection, Event, New
from story.reader import Segment
from story.story import Story

MOST = 10_000  # jobs handed out, and requests, that are looked at
NAMED = 3  # packets that a row names
Fields = Mapping[str, object]
Finding = list[int] | Reason  # the packets that show it, or why it is missing


class Task:
    """Looks, while a capture is read, at what one task asks for."""

    pattern = ""
    patterns: tuple[str, ...] = ()  # of the connections that it is about
    asked: tuple[str, ...] = ()  # what docs/tugas.md quotes
    of_all: tuple[int, ...] = ()  # which of these say something of all that passed
    of_times: tuple[int, ...] = ()  # and which of these, of times

    def __init__(self) -> None:
        self.wrong: dict[int, Reason] = {}  # index in `asked` -> the first that speaks against it

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of the events that a packet completes."""
        for connection, event in new:
            try:
                self.take(connection, event)
            except Refused as refused:
                self.wrong.setdefault(self.about(connection, event), refused.reason)

    def about(self, connection: Connection, event: Event) -> int:
        """Return which of `asked` is about the content of such a message."""
        return 0

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event; raises Refused."""
        raise NotImplementedError

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        raise NotImplementedError

    def note(self, index: int, text: str, fields: Fields, absent: bool = False) -> None:
        """Take down what speaks against one of `asked`, unless something did before."""
        self.wrong.setdefault(index, Reason(text, fields, absent))

    def rows(self, story: Story) -> list[Requirement]:
        """Return a row for each that is asked for; `packets` is "" if it is missing."""
        rows, hole, back = [], self._hole(story), story.losses.back
        for index, finding in enumerate(self.found(story)):
            found = self.wrong.get(index, finding)
            if back and index in self.of_times:
                found = Reason(why.CLOCK, {"packet": back[0]})
            if hole and (found.absent if isinstance(found, Reason) else index in self.of_all):
                found = hole
            packets = "" if isinstance(found, Reason) else ", ".join(map(str, found))
            cause = found if isinstance(found, Reason) else ""
            rows.append(Requirement(self.pattern, _(self.asked[index]), packets, cause))
        return rows

    def _hole(self, story: Story) -> Reason | None:
        """Return why something may have passed that is not told, None if nothing has."""
        losses, here = story.losses, [c for c in story.connections if c.pattern in self.patterns]
        if losses.dropped:
            return Reason(why.DROPPED, {"number": losses.dropped})
        if any(connection.missing or "gap" in connection.counts for connection in here):
            return Reason(why.GAPS)
        if losses.evicted or losses.left_out:
            return Reason(why.EVICTED)
        late = self.of_all and any(connection.late for connection in here)
        return Reason(why.LATE) if late else None
