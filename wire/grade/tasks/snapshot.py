"""Task 2, a subscriber that misses nothing: who comes late asks for what it missed.

Published is "WAKTU 17 Mon Nov …"; who comes late asks {"from": 1} by REQ from its own address, and
is replied a JSON list of the messages from that number on. What a subscriber does with a message
that it gets twice, in the list and published, no capture shows.
"""

from collections import Counter

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import Refused, record, whole
from grade.tasks.series import TOPIC
from grade.tasks.subscribers import Asked, Subscriber, shows
from grade.tasks.task import Finding, Task
from story.model import Connection, Event
from story.story import Story

MOST, EACH = 1000, 200  # subscribers and lists that are looked at: in all, and of one address


class Snapshot(Task):
    """Looks at what is published, subscribed to and asked for."""

    pattern, patterns = "PUB-SUB", ("PUB-SUB", "REQ-REP")
    asked = (
        N_("messages with a running number"),
        N_("a subscriber after the first message"),
        N_("its request, and the list in reply"),
        N_("its SUBSCRIBE before that reply"),
        N_("the list from number 1 on, without gap or double"),
        N_("published messages that go on from the list"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.subscribers: dict[int, Subscriber] = {}  # by the number of the connection
        self.lists: dict[tuple[int, int], Asked] = {}  # connection, exchange
        self.bad: dict[str, Reason] = {}  # address -> what is wrong with its first bad request
        self.known: Counter[tuple[str, type]] = Counter()  # of each address
        self.beyond = False  # there were more than are looked at

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        host, peer = _host(event.sender), _host(connection.peer(event.sender))
        if event.kind == "subscribe" and TOPIC.startswith(event.text[: len(TOPIC)]):
            if one := self._subscriber(connection, host):
                one.subscribe = one.subscribe or event.packet
        elif event.kind == "published" and event.topic == TOPIC:
            if one := self._subscriber(connection, peer):
                one.take(event)
        elif event.kind == "request" and self._room(len(self.lists), host, Asked):
            try:
                asked = Asked(host, event.packet, whole(event, record(event), "from"))
                self.lists[connection.number, event.exchange] = asked
                self.known[host, Asked] += 1
            except Refused as refused:
                if len(self.bad) < MOST:
                    self.bad.setdefault(host, refused.reason)
        elif event.kind == "reply" and event.exchange:
            found = self.lists.get((connection.number, event.exchange))
            if found and not found.reply:
                found.take(event)

    def _room(self, many: int, host: str, kind: type) -> bool:
        room = many < MOST and self.known[host, kind] < EACH
        self.beyond = self.beyond or not room
        return room

    def _subscriber(self, connection: Connection, host: str) -> Subscriber | None:
        found = self.subscribers.get(connection.number)
        if not found and self._room(len(self.subscribers), host, Subscriber):
            found = self.subscribers[connection.number] = Subscriber(host)
            self.known[host, Subscriber] += 1
        return found

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each, of the subscriber and the list that show most."""
        tables: list[list[Finding]] = []
        for one in self.subscribers.values():
            lists = [asked for asked in self.lists.values() if asked.host == one.host]
            none = self.bad.get(one.host) or Reason(why.NO_REQUEST, {"host": one.host}, absent=True)
            tables += [shows(one, asked) for asked in lists] or [shows(one, None, none)]
        nothing: list[Finding] = [Reason(why.NOTHING, absent=True)] * len(self.asked)
        best = max(tables, key=lambda t: sum(type(each) is list for each in t), default=nothing)
        if self.beyond and all(type(each) is list for each in best[:2]):  # it is about the list
            more = Reason(why.MORE, {"most": EACH})
            best = [more if isinstance(each, Reason) else each for each in best]
        return best


def _host(address: str) -> str:
    return address.rpartition(":")[0]
