"""Numbered messages one after the other: those that a subscriber receives, or those of a list."""

import re

from grade.requirements import Reason
from grade.tasks import reasons as why

TOPIC = "WAKTU"
NUMBERED = re.compile(rf"{TOPIC} (\d{{1,18}})(?: |$)", re.A)
OVERLAP = 50  # messages of a list, and of those published, whose texts are compared


class Series:
    """Numbered messages. `newest`: the last texts are kept, else the first."""

    def __init__(self, newest: bool) -> None:
        self.newest = newest
        self.first = self.last = self.count = 0  # numbers, and how many messages
        self.packets = (0, 0)  # of the first and of the last
        self.flaw: Reason | None = None  # the first gap or double
        self.said: dict[int, int] = {}  # number -> what the message hashes to

    def add(self, message: str, packet: int) -> bool:
        """Take a message, and tell whether it has a number."""
        match = NUMBERED.match(message)
        if not match:
            return False
        number = int(match[1])
        if not self.count:
            self.first, self.packets = number, (packet, packet)
        elif number != self.last + 1 and not self.flaw:
            gap = number > self.last
            fields = {"packet": packet, "number": number, "last": self.last}
            self.flaw = Reason(why.GAP if gap else why.DOUBLE, fields, gap and not self.newest)
        self.last, self.packets, self.count = number, (self.packets[0], packet), self.count + 1
        if self.newest or len(self.said) < OVERLAP:
            self.said.setdefault(number, hash(message))
        if len(self.said) > OVERLAP:
            del self.said[next(iter(self.said))]
        return True

    def differs(self, other: "Series") -> int | None:
        """Return a number that is another message in the other."""
        both = self.said.keys() & other.said.keys()
        return next((at for at in sorted(both) if self.said[at] != other.said[at]), None)
