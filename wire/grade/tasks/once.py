"""Task 3, a request that counts once: the server remembers what it has replied.

Requests are {"id": "a1", "text": "…"}, replies {"id": "a1", "count": 3}: the count rises by one
with each id, and the same id gets the same reply, however often it is asked.
"""

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import WHOLE, name, record, shown, text, whole
from grade.tasks.ids import Asked, again, counter
from grade.tasks.task import MOST, NAMED, Finding, Task
from story.model import Connection, Event
from story.story import Story

REQUESTS, REPLIES, AGAIN, SAME, COUNTER = range(5)


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
    of_all = (REPLIES, SAME, COUNTER)

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, Asked] = {}
        self.waiting: dict[tuple[int, int], str] = {}  # connection, exchange -> id
        self.count = 0  # requests

    def about(self, connection: Connection, event: Event) -> int:
        """Return which of `asked` is about such a message."""
        return REQUESTS if event.kind == "request" else REPLIES

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind == "request":
            self._request(event, (connection.number, event.exchange))
        elif event.kind == "reply":
            exchange = connection.number, event.exchange
            self._reply(event, self.waiting.pop(exchange, "") if event.exchange else "")

    def _request(self, event: Event, exchange: tuple[int, int]) -> None:
        found, packet = record(event), event.packet
        key, said = name(event, found, "id"), hash(name(event, found, "text", WHOLE))
        if self.count == MOST:
            return self.note(REQUESTS, why.MORE, {"most": MOST})
        self.count += 1
        self.waiting[exchange] = key
        asked = self.ids.setdefault(key, Asked(key, [], said))
        if asked.said != said:
            fields = {"id": shown(key), "first": asked.packets[0], "packet": packet}
            self.note(REQUESTS, why.OTHER_ASK, fields)
        if asked.reply:
            asked.repeated = asked.repeated or packet
        elif len(asked.packets) < 2:
            asked.packets.append(packet)
        return None

    def _reply(self, event: Event, wanted: str) -> None:
        found, packet = record(event), event.packet
        key, count, said = name(event, found, "id"), whole(event, found, "count"), text(event)
        asked, about = self.ids.get(key), {"id": shown(key), "packet": packet}
        if wanted and wanted != key:
            self.note(REPLIES, why.OTHER_ID, about | {"wanted": shown(wanted)})
        elif asked is None:
            self.note(REPLIES, why.NOT_ASKED, about, absent=True)
        elif not asked.reply:
            asked.reply, asked.replied, asked.count = packet, said, count
            asked.ids = len(self.ids)
        elif asked.replied != said:
            both = {"one": shown(asked.replied), "other": shown(said), "first": asked.reply}
            self.note(SAME, why.DIFFER, about | both)

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        ids = list(self.ids.values())
        if not ids:
            none = self.wrong.get(REQUESTS) or Reason(why.NO_ASK, absent=True)
            return [none] * len(self.asked)
        replied = sorted((one for one in ids if one.reply), key=lambda one: one.reply)
        first, twice = ids[0].packets[:1], again(ids)
        if not replied:
            none = self.wrong.get(REPLIES) or Reason(why.NO_REPLY, absent=True)
            return [first, none, twice, none, none]
        around: Finding = [replied[0].reply, replied[-1].reply]
        every = around
        if missing := [one for one in ids if not one.reply]:
            fields = {"id": shown(missing[0].id), "packet": missing[0].packets[0]}
            every = Reason(why.UNANSWERED, fields, absent=True)
        same = [one.reply for one in replied if one.repeated or len(one.packets) > 1]
        return [first, every, twice, same[:NAMED] or around, counter(replied) or around]
