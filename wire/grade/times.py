"""Marks the time from the SYN of a REQ-REP connection to its first reply, and round trips."""

from collections.abc import Iterator

from grade import mistakes
from grade.form import Form, milliseconds
from grade.mistakes import Mistake
from grade.packets import Packets
from story.model import Connection, Event
from story.story import Story

KEYS = ("first_reply", "round_trip")


def near(answer: float, true: float) -> bool:
    """Tell whether two times are the same but for rounding: 0.01 or 5 %."""
    return abs(answer - true) <= max(0.01, true * 0.05) + 1e-9


class Times:
    """Looks at round trips: what is asked for, or what is taken for the time to the first reply."""

    def __init__(self, form: Form, packets: Packets) -> None:
        self.given = {key: milliseconds(form.answers.get(key, "")) for key in KEYS}
        self.named = set(packets.named["reply"])  # the reply whose round trip is meant
        self.trips: list[float] = []  # of those replies, in milliseconds
        self.near: dict[str, bool] = {}  # key -> it is the round trip of some reply
        self.first = 0.0  # the first round trip

    def take(self, connection: Connection, event: Event, *_: object) -> None:
        """Take note of a reply."""
        if event.round_trip is None:
            return
        trip = event.round_trip * 1000
        self.first = self.first or trip
        if event.packet in self.named:
            self.trips.append(trip)
        for key, given in self.given.items():
            if given is not None:
                self.near[key] = self.near.get(key, False) or near(given, trip)

    def _true(self, story: Story) -> Iterator[float]:
        """Yield the time to the first reply of each connection, in milliseconds."""
        for connection in story.connections:
            syn, reply = connection.firsts.get("syn"), connection.firsts.get("reply")
            if syn and reply:
                yield (reply.time - syn.time) * 1000

    def example(self, key: str, story: Story) -> str:
        """Return the time of the first connection, "" if the capture has none."""
        if key == "round_trip":
            return f"{self.first:.2f}" if self.first else ""
        return next((f"{true:.2f}" for true in self._true(story)), "")

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with a time, None if it is right of some connection."""
        time, true = self.given[key], list(self._true(story))
        if time is None:
            return Mistake(mistakes.NO_NUMBER, key)
        if key == "round_trip":
            return self._trip(key, time, true)
        if any(near(time, each) for each in true):
            return None
        if not true:
            return Mistake(mistakes.NO_SYN)
        if self.near.get(key):
            return Mistake(mistakes.ROUND_TRIP)
        if any(near(time * 1000, each) for each in true):
            return Mistake(mistakes.SECONDS, key)
        return Mistake(mistakes.OTHER_TIME, key)

    def _trip(self, key: str, time: float, true: list[float]) -> Mistake | None:
        """Return what is wrong with a round trip: that of the reply which the form names."""
        if any(near(time, trip) for trip in self.trips) or (not self.trips and self.near.get(key)):
            return None
        if self.near.get(key):
            return Mistake(mistakes.OTHER_REPLY, key)
        if any(near(time * 1000, trip) for trip in (*self.trips, self.first)):
            return Mistake(mistakes.SECONDS, key)
        if any(near(time, each) for each in true):
            return Mistake(mistakes.HANDSHAKE, key)
        return Mistake(mistakes.OTHER_TIME, key)
