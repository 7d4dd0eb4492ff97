"""Marks the time from the SYN of a REQ-REP connection to its first reply."""

from collections.abc import Iterator

from capture.packet import Packet
from grade import mistakes
from grade.form import Form, milliseconds
from grade.mistakes import Mistake
from story.model import New
from story.reader import Segment
from story.story import Story


def near(answer: float, true: float) -> bool:
    """Tell whether two times are the same but for rounding: 0.01 or 5 %."""
    return abs(answer - true) <= max(0.01, true * 0.05) + 1e-9


class Times:
    """Looks at round trips, which are what is taken for that time."""

    def __init__(self, form: Form) -> None:
        self.given = milliseconds(form.answers.get("first_reply", ""))
        self.trip = False  # it is some round trip

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of the replies that a packet completes."""
        for _, event in new:
            if event.round_trip is not None and self.given is not None:
                self.trip |= near(self.given, event.round_trip * 1000)

    def _true(self, story: Story) -> Iterator[float]:
        """Yield the time of each connection, in milliseconds."""
        for connection in story.connections:
            syn, reply = connection.firsts.get("syn"), connection.firsts.get("reply")
            if syn and reply:
                yield (reply.time - syn.time) * 1000

    def example(self, key: str, story: Story) -> str:
        """Return the time of the first connection, "" if the capture has none."""
        return next((f"{true:.2f}" for true in self._true(story)), "")

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with the time, None if it is right of some connection."""
        time, true = self.given, list(self._true(story))
        if time is None:
            return Mistake(mistakes.NO_NUMBER, key)
        if any(near(time, each) for each in true):
            return None
        if not true:
            return Mistake(mistakes.NO_SYN)
        if self.trip:
            return Mistake(mistakes.ROUND_TRIP)
        if any(near(time * 1000, each) for each in true):
            return Mistake(mistakes.SECONDS)
        return Mistake(mistakes.OTHER_TIME)
