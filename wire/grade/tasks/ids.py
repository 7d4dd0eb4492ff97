"""What became of each id: its requests, its replies, and the counter."""

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import shown
from grade.tasks.task import Finding


@dataclass(slots=True)
class Asked:
    """All that became of one id."""

    id: str
    packets: list[int]  # of its first request, and of the first that came before any reply did
    said: int  # what the text of its request hashes to
    repeated: int = 0  # packet of a request that came after the reply
    reply: int = 0  # packet of the first reply, and …
    replied: str = ""
    count: int = 0
    ids: int = 0  # that had been asked by then


def again(ids: list[Asked]) -> Finding:
    """Return the packets of a request that was sent twice, or why none was."""
    for one in ids:
        if len(one.packets) > 1:
            return one.packets
    for one in ids:
        if one.repeated:
            fields = {"id": shown(one.id), "packet": one.repeated, "reply": one.reply}
            return Reason(why.REPEATED, fields, absent=True)
    return Reason(why.NOT_REPEATED, absent=True)


def counter(replied: list[Asked]) -> Reason | None:
    """Return where the counter did not rise by one for an id, None if it always did.

    What was asked for the first time after a reply has a higher count than that; and the count
    rises no further than there are ids, of which some may have been replied to out of sight.
    """
    packets, lowest = [one.reply for one in replied], min(replied, key=lambda one: one.count)
    if lowest.count > 1 and len(lowest.packets) > 1:
        return Reason(why.NO_BASE, {"id": shown(lowest.id), "count": lowest.count})
    highest = list(accumulate((one.count for one in replied), max))
    for one in replied:
        before = bisect(packets, one.packets[0])
        fields = {"id": shown(one.id), "count": one.count, "packet": one.reply}
        if before and one.count <= (high := highest[before - 1]):
            return Reason(why.NOT_RISEN, fields | {"high": high}, absent=True)
        if (rise := one.count - lowest.count + 1) > one.ids:
            more = {"rise": rise, "low": lowest.count, "ids": one.ids}
            return Reason(why.RISEN_MORE, fields | more, absent=True)
    return None
