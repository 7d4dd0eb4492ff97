"""What became of each id: its requests, its replies, and the counter."""

from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate

from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import shown
from grade.tasks.task import Finding


@dataclass(slots=True)
class Asked:
    """All that became of one id."""

    id: str  # safe to show
    said: int  # what the text of its request hashes to
    packets: list[int] = field(default_factory=list)  # of its first request, and the second …
    heard: int = 0  # packet of the first reply to a client that had not gone, 0 if there is none
    repeated: int = 0  # packet of a request after that
    reply: int = 0  # packet of the first reply to anyone
    replied: tuple[int, str] = 0, ""  # what its text hashes to, and how it begins
    count: int = 0
    ids: int = 0  # that had been asked by then

    def ask(self, packet: int) -> None:
        """Take note of a request."""
        if self.heard:
            self.repeated = self.repeated or packet
        elif len(self.packets) < 2:
            self.packets.append(packet)

    def answer(self, packet: int, said: str, count: int, heard: bool, ids: int) -> Reason | None:
        """Take note of a reply, and return by what it differs from the first.

        `heard`: its client had not gone. `ids`: that had been asked by then.
        """
        self.heard = self.heard or packet * heard
        if not self.reply:
            self.reply, self.count, self.ids = packet, count, ids
            self.replied = hash(said), shown(said)
        if self.replied[0] == hash(said):
            return None
        both = {"one": self.replied[1], "other": shown(said)}
        return Reason(why.DIFFER, {"id": self.id, "first": self.reply, "packet": packet, **both})

    @property
    def twice(self) -> bool:
        """Tell whether it was asked more than once."""
        return len(self.packets) > 1 or self.repeated > 0


def unanswered(ids: list[Asked]) -> Reason | None:
    """Return which id got no reply, None if each did."""
    for one in ids:
        if not one.heard:
            fields = {"id": one.id, "packet": one.packets[0]}
            return Reason(why.UNANSWERED, fields, absent=True)
    return None


def again(ids: list[Asked]) -> Finding:
    """Return the packets of a request that was sent twice, or why none was."""
    for one in ids:
        if len(one.packets) > 1:
            return one.packets
    for one in ids:
        if one.repeated:
            fields = {"id": one.id, "packet": one.repeated, "reply": one.heard}
            return Reason(why.REPEATED, fields, absent=True)
    return Reason(why.NOT_REPEATED, absent=True)


def counter(replied: list[Asked]) -> Reason | None:
    """Return where the counter did not rise by one for an id, None if it always did.

    What was asked for the first time after a reply has a higher count than that; and the count
    rises no further than there are ids, of which some may have been replied to out of sight.
    """
    packets, lowest = [one.reply for one in replied], min(replied, key=lambda one: one.count)
    if lowest.count > 1 and len(lowest.packets) > 1:
        return Reason(why.NO_BASE, {"id": lowest.id, "count": lowest.count})
    highest = list(accumulate((one.count for one in replied), max))
    for one in replied:
        before = bisect(packets, one.packets[0])
        fields = {"id": one.id, "count": one.count, "packet": one.reply}
        if before and one.count <= (high := highest[before - 1]):
            return Reason(why.NOT_RISEN, fields | {"high": high}, absent=True)
        if (rise := one.count - lowest.count) >= one.ids:
            more = {"rise": rise, "low": lowest.count, "ids": one.ids - 1}
            return Reason(why.RISEN_MORE, fields | more, absent=True)
    return None
