"""Task 2, a subscriber that misses nothing: who comes late asks for what it missed.

Published is "WAKTU 17 Mon Nov …", of any topic; who comes late asks {"from": 1} by REQ from its
own address, and is replied a JSON list of those messages.
"""

import re
from dataclasses import dataclass, field

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks.content import Refused, content, record, shown, text, whole
from grade.tasks.task import Finding, Task
from story.model import Connection, Event
from story.story import Story

TOPIC = "WAKTU"
NUMBERED = re.compile(rf"{TOPIC} (\d{{1,18}}) \S", re.A)
OVERLAP = 50  # messages of a list, and of those published, whose texts are compared
MOST, EACH = 1000, 50  # subscribers and lists that are looked at: in all, and of one address


class Numbers:
    """Messages one after the other."""

    def __init__(self, newest: bool) -> None:
        self.newest = newest  # compared are the last ones, else the first
        self.first = self.last = self.count = 0  # numbers, and how many messages
        self.flaw: Reason | None = None
        self.said: dict[int, int] = {}  # number -> what the message hashes to

    def add(self, message: str, packet: int) -> bool:
        """Take a message, and tell whether it has a number."""
        match = NUMBERED.match(message)
        if not match:
            return False
        number = int(match[1])
        if self.count and number != self.last + 1 and not self.flaw:
            said = N_("in packet {packet} number {number} follows {last}: a gap")
            if number <= self.last:
                said = N_("in packet {packet} number {number} follows {last}: a double")
            fields = {"packet": packet, "number": number, "last": self.last}
            self.flaw = Reason(said, fields, absent=number > self.last and not self.newest)
        self.first = self.first if self.count else number
        self.last, self.count = number, self.count + 1
        if self.newest or len(self.said) < OVERLAP:
            self.said.setdefault(number, hash(message))
        if len(self.said) > OVERLAP:
            del self.said[next(iter(self.said))]
        return True


@dataclass(slots=True)
class Subscriber:
    """One connection on which messages are published."""

    host: str
    subscribe: int = 0  # packet
    packets: list[int] = field(default_factory=lambda: [0, 0])  # the first and the last published
    numbers: Numbers = field(default_factory=lambda: Numbers(newest=False))
    wrong: Reason | None = None


@dataclass(slots=True)
class Asked:
    """A request for what was missed, and its reply."""

    host: str
    request: int  # packets
    reply: int = 0
    begin: int = 0  # the number from which on it asks
    numbers: Numbers = field(default_factory=lambda: Numbers(newest=True))
    wrong: Reason | None = None


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
        self.beyond = False  # there were more of either

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind == "subscribe" and TOPIC.startswith(event.text[: len(TOPIC)]):
            if found := self._subscriber(connection, event.sender):
                found.subscribe = found.subscribe or event.packet
        elif event.kind == "published" and event.text.startswith(TOPIC):
            if found := self._subscriber(connection, connection.peer(event.sender)):
                self._published(found, event)
        elif event.kind == "request":
            self._request(connection, event)
        elif event.kind == "reply" and event.exchange:
            asked = self.lists.get((connection.number, event.exchange))
            if asked and not asked.reply:
                self._reply(asked, event)

    def _room(self, known: list[Subscriber] | list[Asked], host: str) -> bool:
        room = len(known) < MOST and sum(one.host == host for one in known) < EACH
        self.beyond = self.beyond or not room
        return room

    def _subscriber(self, connection: Connection, address: str) -> Subscriber | None:
        host = address.rpartition(":")[0]
        if found := self.subscribers.get(connection.number):
            return found
        if not self._room(list(self.subscribers.values()), host):
            return None
        return self.subscribers.setdefault(connection.number, Subscriber(host))

    def _published(self, found: Subscriber, event: Event) -> None:
        found.packets[1] = event.packet
        found.packets[0] = found.packets[0] or event.packet
        try:
            if not found.numbers.add(text(event), event.packet):
                said = N_('packet {packet} has no running number: "{text}"')
                raise Refused(event, said, text=shown(text(event)))
        except Refused as refused:
            found.wrong = found.wrong or refused.reason

    def _request(self, connection: Connection, event: Event) -> None:
        host = event.sender.rpartition(":")[0]
        if self._room(list(self.lists.values()), host):
            asked = Asked(host, event.packet)
            self.lists[connection.number, event.exchange] = asked
            try:
                asked.begin = whole(event, record(event), "from")
            except Refused as refused:
                asked.wrong = refused.reason

    def _reply(self, asked: Asked, event: Event) -> None:
        asked.reply = event.packet
        try:
            found = content(event)
            if not isinstance(found, list):
                raise Refused(event, N_("packet {packet} has JSON, but no list"))
            for message in found:
                if not isinstance(message, str) or not asked.numbers.add(message, event.packet):
                    said = N_("packet {packet}: a message of the list has no running number")
                    raise Refused(event, said)
        except Refused as refused:
            asked.wrong = asked.wrong or refused.reason

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each, of the subscriber and the list that show most."""
        tables = []
        for one in self.subscribers.values():
            lists = [asked for asked in self.lists.values() if asked.host == one.host]
            tables += [_table(one, asked) for asked in lists] or [_table(one, None)]
        nobody = Reason(N_("nothing was published under WAKTU to a subscriber"), absent=True)
        tables = tables or [[nobody] * len(self.asked)]
        return max(tables, key=lambda table: sum(isinstance(found, list) for found in table))


def _table(one: Subscriber, asked: Asked | None) -> list[Finding]:
    """Return what a subscriber and a list show."""
    numbers, first = one.numbers, one.packets[:1]
    none = Reason(N_("{host} received no message with a number"), {"host": one.host}, absent=True)
    table: list[Finding] = [one.wrong or (first if numbers.count else none)]
    early = Reason(N_("the first message that {host} received has the number {first}"))
    early = early._replace(fields={"host": one.host, "first": numbers.first})
    table.append(first if numbers.first > 1 else early if numbers.count else none)
    if asked is None or not asked.reply or asked.wrong:
        said = N_("no request came from {host}, the subscriber, to port 5556 of the publisher")
        why = Reason(said, {"host": one.host}, absent=True)
        if asked:
            said = N_("the request in packet {packet} has no reply")
            why = asked.wrong or Reason(said, {"packet": asked.request}, absent=True)
        return [*table, *[why] * 4]
    table.append([asked.request, asked.reply])
    table.append([one.subscribe, asked.reply])
    if not 0 < one.subscribe < asked.reply:
        said = N_(
            "the list left in packet {reply}, before SUBSCRIBE came in packet {subscribe}: what is "
            "published in between is in neither"
        )
        if not one.subscribe:
            said = N_("no SUBSCRIBE is in the capture: it was started after the subscriber")
        table[-1] = Reason(said, {"reply": asked.reply, "subscribe": one.subscribe})
    return [*table, _list(asked) or [asked.reply], _after(numbers, asked) or one.packets]


def _list(asked: Asked) -> Reason | None:
    """Return what is wrong with a list, None if it is whole."""
    fields = {"packet": asked.reply, "first": asked.numbers.first, "begin": asked.begin}
    if asked.begin != 1:
        return Reason(N_("the list was asked for from number {begin} on, not from 1"), fields)
    if not asked.numbers.count:
        return Reason(N_("the list in packet {packet} is empty"), fields)
    if asked.numbers.first != 1:
        return Reason(N_("the list in packet {packet} begins with number {first}"), fields)
    return asked.numbers.flaw


def _after(numbers: Numbers, asked: Asked) -> Reason | None:
    """Return what is wrong with what was published to who has a list, None if nothing is."""
    last = asked.numbers.last
    fields = {"packet": asked.reply, "last": last, "first": numbers.first}
    if not numbers.count or numbers.last <= last:
        said = N_("the list in packet {packet} ends with {last}, and no later message was received")
        return Reason(said, fields, absent=True)
    if numbers.first > last + 1:
        said = N_(
            "a gap: the list in packet {packet} ends with {last}, and the first message received "
            "has the number {first}"
        )
        return Reason(said, fields, absent=True)
    for number, hashed in asked.numbers.said.items():
        if numbers.said.get(number, hashed) != hashed:
            text = N_("number {number} is another message in the list in packet {packet}")
            return Reason(text, {"number": number, "packet": asked.reply})
    return numbers.flaw
