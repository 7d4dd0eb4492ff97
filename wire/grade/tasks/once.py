"""Task 3, a request that counts once: the server remembers what it has replied.

Requests are {"id": "a1", "text": "…"}, replies {"id": "a1", "count": 3}: the count rises by one
with each id, and the same id gets the same reply, however often it is asked.
"""

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks.content import WHOLE, Refused, name, record, shown, text, whole
from grade.tasks.task import MOST, Finding, Task
from story.model import Connection, Event
from story.story import Story


@dataclass(slots=True)
class Asked:
    """All that became of one id."""

    first: int  # packet of its first request
    said: int  # what the text of its request hashes to
    requests: int = 0
    again: int = 0  # packet of a request that came before any reply did
    repeated: int = 0  # packet of one that came after the reply
    reply: int = 0  # packet of the first reply
    replied: str = ""
    count: int = 0
    ids: int = 0  # that had been asked when it was replied to


class Once(Task):
    """Looks at requests and replies."""

    pattern, patterns = "REQ-REP", ("REQ-REP",)
    asked = (
        N_("requests in JSON, each with its id"),
        N_("a reply in JSON for each id"),
        N_("a request sent again, since no reply came"),
        N_("the same reply to the same id"),
        N_("a counter that rose by one for each id"),
    )
    of_all = (1, 3, 4)

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, Asked] = {}
        self.waiting: dict[tuple[int, int], str] = {}  # connection, exchange -> id
        self.count = 0  # requests

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind in ("request", "reply"):
            request = event.kind == "request"
            try:
                (self._request if request else self._reply)(connection, event)
            except Refused as refused:
                self.wrong.setdefault(0 if request else 1, refused.reason)

    def _request(self, connection: Connection, event: Event) -> None:
        found = record(event)
        key, said = name(event, found, "id"), hash(name(event, found, "text", WHOLE))
        if self.count == MOST:
            more = N_("more than {most} requests: the others are not looked at")
            return self.note(0, more, most=MOST)
        self.count += 1
        self.waiting[connection.number, event.exchange] = key
        asked = self.ids.setdefault(key, Asked(event.packet, said))
        if asked.said != said:
            text = N_("id {id} has one text in packet {first} and another in packet {packet}")
            self.note(0, text, id=shown(key), first=asked.first, packet=event.packet)
        if asked.requests and asked.reply:
            asked.repeated = asked.repeated or event.packet
        elif asked.requests:
            asked.again = asked.again or event.packet
        asked.requests += 1
        return None

    def _reply(self, connection: Connection, event: Event) -> None:
        wanted = self.waiting.pop((connection.number, event.exchange), None)
        found = record(event)
        key, count = name(event, found, "id"), whole(event, found, "count")
        if wanted not in (None, key):
            said = N_("packet {packet} replies to id {other}, and the request was {id}")
            return self.note(1, said, packet=event.packet, other=shown(key), id=shown(wanted or ""))
        asked = self.ids.get(key)
        if asked is None:
            said = N_("packet {packet} replies to id {id}, which was not asked before")
            return self.note(1, said, packet=event.packet, id=shown(key))
        if not asked.reply:
            asked.reply, asked.replied, asked.count = event.packet, text(event), count
            asked.ids = len(self.ids)
        elif asked.replied != text(event):
            said = N_("id {id} got {one} in packet {first} and {other} in packet {packet}")
            both = {"one": shown(asked.replied), "other": shown(text(event))}
            self.note(3, said, id=shown(key), first=asked.reply, packet=event.packet, **both)
        return None

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        if not self.ids:
            none = self.wrong.get(0) or Reason(N_("no request was sent to REP"), absent=True)
            return [none] * len(self.asked)
        all_ids = self.ids.values()
        replied = sorted((one for one in all_ids if one.reply), key=lambda one: one.reply)
        if not replied:
            none = self.wrong.get(1) or Reason(N_("no reply came to any request"), absent=True)
            return [[min(one.first for one in all_ids)], none, self._again(), none, none]
        around = [replied[0].reply, replied[-1].reply]
        twice = [one.reply for one in replied if one.requests > 1]
        first = [min(one.first for one in all_ids)]
        counted = self._counter(replied) or around
        return [first, self._unanswered() or around, self._again(), twice[:3] or around, counted]

    def _unanswered(self) -> Reason | None:
        for key, one in self.ids.items():
            if not one.reply:
                said = N_("id {id} was asked in packet {packet}, and got no reply")
                return Reason(said, {"id": shown(key), "packet": one.first}, absent=True)
        return None

    def _again(self) -> Finding:
        """Return the packets of a request that was sent twice, or why none was."""
        for one in self.ids.values():
            if one.again:
                return [one.first, one.again]
        for key, one in self.ids.items():
            if one.repeated:
                said = N_("id {id} was sent again in packet {packet}, after its reply in {reply}")
                fields = {"id": shown(key), "packet": one.repeated, "reply": one.reply}
                return Reason(said, fields, absent=True)
        said = N_("no id was sent twice: pause the server while a client asks")
        return Reason(said, absent=True)

    def _counter(self, replied: list[Asked]) -> Reason | None:
        """Return where the counter did not rise by one for one id, None if it always did."""
        packets = [one.reply for one in replied]
        highest = list(accumulate((one.count for one in replied), max))
        low = min(one.count for one in replied)
        names = {id(one): shown(key) for key, one in self.ids.items()}
        for one in replied:
            before = bisect(packets, one.first)
            fields = {"id": names[id(one)], "count": one.count, "packet": one.reply, "low": low}
            if before and one.count <= highest[before - 1]:
                said = N_(
                    "id {id} got {count} in packet {packet}, though {high} was reached before"
                )
                return Reason(said, fields | {"high": highest[before - 1]})
            if one.count - low >= one.ids:
                said = N_(
                    "with {count} in packet {packet} the counter had risen {rise} times since "
                    "{low}, for {ids} ids"
                )
                return Reason(said, fields | {"rise": one.count - low, "ids": one.ids})
        return None
