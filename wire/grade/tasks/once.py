"""Task 3, a request that counts once: the server remembers what it has replied.

Requests are {"id": "a1", "text": "…"}, replies {"id": "a1", "count": 3}: the count rises by one
with each id, and the same id gets the same reply, however often it is asked.
"""

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import Refused, name, record, shown, text, whole
from grade.tasks.ids import Asked, again, counter, unanswered
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
        self.gone: dict[int, bool] = {}  # connection that asked -> its client has ended it
        self.count = 0  # requests

    def about(self, connection: Connection, event: Event) -> int:
        """Return which of `asked` is about such a message."""
        return REQUESTS if event.kind == "request" else REPLIES

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind == "request":
            self._request(connection.number, event)
        elif event.kind == "reply":
            self._reply(connection.number, event)
        elif event.kind in ("fin", "rst") and connection.number in self.gone:
            self.gone[connection.number] |= event.sender == connection.client

    def _request(self, number: int, event: Event) -> None:
        if self.count == MOST:
            raise Refused(event, why.MORE, most=MOST)
        found, packet = record(event), event.packet
        key, asks = name(event, found, "id"), found.get("text")
        if not isinstance(asks, str):
            raise Refused(event, why.NO_STRING, key="text")
        self.count += 1
        self.waiting[number, event.exchange] = key
        self.gone.setdefault(number, False)
        one = self.ids.setdefault(key, Asked(shown(key), hash(asks)))
        one.ask(packet)
        if one.said != hash(asks):
            fields = {"id": one.id, "first": one.packets[0], "packet": packet}
            self.note(REQUESTS, why.OTHER_ASK, fields)

    def _reply(self, number: int, event: Event) -> None:
        wanted = self.waiting.pop((number, event.exchange), "") if event.exchange else ""
        found, packet = record(event), event.packet
        key, count = name(event, found, "id"), whole(event, found, "count")
        if wanted and wanted != key:
            raise Refused(event, why.OTHER_ID, id=shown(key), wanted=shown(wanted))
        if one := self.ids.get(key):
            heard = not self.gone.get(number)
            if differs := one.answer(packet, text(event), count, heard, len(self.ids)):
                self.wrong.setdefault(SAME, differs)
        elif self.count < MOST:
            unread = self.wrong.get(REQUESTS)  # it may have been in there
            about = {"id": shown(key), "packet": packet}
            self.wrong.setdefault(REPLIES, unread or Reason(why.NOT_ASKED, about, True))

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
        ends: Finding = [replied[0].reply, replied[-1].reply]
        same = [one.reply for one in replied if one.twice][:NAMED] or ends
        return [first, unanswered(ids) or ends, twice, same, counter(replied) or ends]
