"""Marks packet numbers: does the packet hold what was asked for?

A packet is right if it holds that whole or in part, so several may be; only the start of a greeting
is in one. What is in a wrong one names the mistake: "TCP ACK taken for reply".

Where the capture has requests that are the student's number, no other request is right, and no
other reply.
"""

from collections.abc import Iterable
from typing import NamedTuple

from capture.packet import Packet
from grade import mistakes
from grade.form import ALL, Form, numbers
from grade.mistakes import NAMES, NO_TCP, NOT_YOURS, OTHER_DATA, Mistake
from grade.numbers import sent_ways
from story.model import Connection, Event
from story.reader import Segment
from story.story import Story

RECENT = 1000  # packets back in which a packet that was captured twice is looked for
HELD = 20  # things in such a packet; of one that an answer names all are held
WAITING = 10_000  # requests without a reply that are remembered
ALIKE = {"ready": ("ready", "initiate"), "delimiter": ("reply",)}  # what is asked -> kinds of it
Exchange = tuple[int, int]  # numbers of a connection, and of a request in it (0: not known)
KEYS = [key for key, question in ALL.items() if question.module == "packets"]
ASKED = {ALL[key].asks: ALL[key].whose != "" for key in KEYS}  # kind -> it matters who sent it


class Sight(NamedTuple):
    """What a packet holds."""

    connection: Connection
    sender: str
    kind: str
    begin: int  # the packet with its first byte
    size: int  # bytes of the bodies of its ZMTP frames
    exchange: Exchange  # of a request and of its reply the same
    own: bool  # it is a request that is the student's number, or the reply to one

    @property
    def role(self) -> str:
        return self.connection.role(self.sender)


class Packets:
    """Looks, while a capture is read, at what the packet numbers of a form point to."""

    def __init__(self, form: Form, owners: frozenset[str] = frozenset()) -> None:
        """`owners`: the student's number, in all ways to write it."""
        self.owners = frozenset() if form.earlier else owners  # that form asked for any request
        self.own: set[int] = set()  # numbers of the connections on which it was sent
        self.latest: Sight | None = None  # of the request or reply that was taken last
        self.named = {key: numbers(form.answers.get(key, "")) for key in KEYS}
        self.asked: set[int] = set()
        self.last = 0  # of those that were asked for: of what is in later ones nothing is noted
        self.ask(number for named in self.named.values() for number in named)
        self.first: dict[tuple[str, str], int] = {}  # kind, sender's type -> its first packet
        self.first_own: dict[str, int] = {}  # kind -> the first packet with one that is own
        self.seen: dict[int, list[Sight]] = {}  # of the last RECENT packets, and of those asked for
        self.packets: dict[tuple[bytes, int, bytes], int] = {}  # and where each was first
        self.tcp: dict[int, str] = {}  # packet that was asked for -> what TCP does there
        self.twins: dict[int, int] = {}  # packet that was asked for -> where its data came first
        self.segments: dict[int, tuple[Segment, int]] = {}  # and its segment, bytes of the packet
        self.ends: dict[int, tuple[str, str]] = {}  # packet where they did -> sender, receiver
        self.unanswered: dict[Exchange, bool] = {}  # requests without a reply -> which are own

    def ask(self, numbers: Iterable[int]) -> None:
        """Look at these packets too."""
        self.asked.update(numbers)
        self.last = max(self.asked, default=0)

    def look(self, packet: Packet, segment: Segment | None) -> None:
        """Take note of a packet."""
        number = packet.number
        if number > self.last:
            return
        if number in self.asked or (segment and segment.payload):
            self._packet(packet, segment)
        if number > RECENT and number - RECENT not in self.asked:
            self.seen.pop(number - RECENT, None)

    def take(self, connection: Connection, event: Event, packet: Packet | None, *_: object) -> None:
        """Take note of where an event of ZMTP is that a packet completes, None at the end."""
        kind, asked = event.kind, self.asked
        if kind in ASKED:
            if kind == "reply" and ("delimiter", "") not in self.first:
                for number in delimiter(connection):
                    self.first.setdefault(("delimiter", ""), number)
            begun = event.first_packet if kind == "greeting" else event.packet
            whose = connection.role(event.sender) if ASKED[kind] else ""
            self.first.setdefault((kind, whose), begun)
        sight = None
        if kind in NOT_YOURS:
            sight = self.latest = self._sight(connection, event)
            if sight.own:
                self.first_own.setdefault(kind, event.packet)
        oldest = packet.number - RECENT if packet else 0  # before that only what is asked for
        for number in self._places(connection, event):
            if number in asked or oldest < number <= self.last:
                sight = sight or self._sight(connection, event)
                sights = self.seen.setdefault(number, [])
                if len(sights) < HELD or number in asked:
                    sights.append(sight)

    def _places(self, connection: Connection, event: Event) -> Iterable[int]:
        """Return the packets that hold an event, whole or in part."""
        if event.first_packet == event.packet:
            return (event.packet,)
        places = {event.packet, event.first_packet, *(part.packet for part in event.parts)}
        ends = event.sender, connection.peer(event.sender)
        for number, others in self.ends.items():
            if event.first_packet < number < event.packet and others == ends:
                places.add(number)
        return places

    def _sight(self, connection: Connection, event: Event) -> Sight:
        number = connection.number
        exchange, own = (number, event.exchange), False
        if event.kind == "request":
            own = not self.owners.isdisjoint(sent_ways(event)) if self.owners else False
            if own:
                self.own.add(number)
            self.unanswered[exchange] = own
            if len(self.unanswered) > WAITING:
                del self.unanswered[next(iter(self.unanswered))]
        elif event.kind == "reply":
            own = self.unanswered.pop(exchange, False)
            own = own or (not event.exchange and number in self.own)  # it may be
        begin, size = event.first_packet, event.size
        return Sight(connection, event.sender, event.kind, begin, size, exchange, own)

    def _packet(self, packet: Packet, part: Segment | None) -> None:
        """Find where the data of a packet came first, and what TCP does in it."""
        number = packet.number
        if part and part.payload:
            sent = (part.key, part.seq, part.payload[:64])
            first = self.packets.setdefault(sent, number)
            if number in self.asked:
                self.asked.add(first)
                self.twins[number] = first
                self.ends[first] = part.ends
            if len(self.packets) > RECENT:
                del self.packets[next(iter(self.packets))]
        if number in self.asked:
            flag = part and part.flag
            self.tcp[number] = f"TCP {flag}" if flag else OTHER_DATA if part else NO_TCP
            if part:
                self.segments[number] = part, packet.length

    def example(self, key: str, story: Story) -> str:
        """Return a packet that would be right, "" if the capture has none."""
        if self.own and key in NOT_YOURS:
            return str(self.first_own.get(key, ""))
        return str(self.first.get((ALL[key].asks, ALL[key].whose), ""))

    def right(self, key: str, packet: int) -> list[Sight]:
        """Return what makes a packet a right answer, which is nothing if it is wrong."""
        question, here = ALL[key], self.twins.get(packet, packet)
        kinds = ALIKE.get(question.asks, (question.asks,))
        sights = [sight for sight in self.held(packet) if sight.kind in kinds]
        if self.own and key in NOT_YOURS:
            sights = [sight for sight in sights if sight.own]
        if question.whose:
            sights = [sight for sight in sights if sight.role == question.whose]
        if key == "greeting_start":
            sights = [sight for sight in sights if here == sight.begin]
        elif key == "delimiter":
            sights = [sight for sight in sights if here in delimiter(sight.connection)]
        elif key == "reply":
            requests = self.all_right("request")
            found = {sight.exchange for some in requests.values() for sight in some}
            asked = found - self.unanswered.keys()
            sights = [sight for sight in sights if not asked or sight.exchange in asked]
            if requests and not asked and packet < max(self.named["request"]):
                sights = []  # the request was sent again, on another connection, and that is later
        return sights

    def all_right(self, key: str) -> dict[int, list[Sight]]:
        """Return what makes an answer right, by packet: of two numbers both have to be."""
        found = {packet: self.right(key, packet) for packet in self.named[key]}
        return found if all(found.values()) else {}

    def held(self, packet: int) -> list[Sight]:
        """Return what a packet holds, or the one in which its data came first."""
        return self.seen.get(packet) or self.seen.get(self.twins.get(packet, packet), [])

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return the mistake in the packet numbers of an answer, None if it is right."""
        if not self.named[key]:
            return Mistake(mistakes.NO_NUMBER, key)
        packet = next((n for n in self.named[key] if not self.right(key, n)), None)
        if packet is None:
            return None
        if not 0 < packet <= story.packets:
            return Mistake(mistakes.NOT_THERE, key)
        sights = self.held(packet)
        if not sights:
            return Mistake(mistakes.TAKEN, key, self.tcp.get(packet, OTHER_DATA))
        found = sights[-1]
        kind = NAMES.get(found.kind, found.kind)
        if key == "greeting_start" and found.kind == "greeting" and found.role == "REQ":
            return Mistake(mistakes.TAKEN, key, mistakes.REST, kind)
        if key == "delimiter" and found.kind == "reply":
            return Mistake(mistakes.TAKEN, key, mistakes.LATER_REPLY)
        if found.kind in ("greeting", "ready", "initiate") and ALL[key].whose:
            return Mistake(mistakes.TAKEN, key, mistakes.OF, kind, found.role)
        if self.own and key in NOT_YOURS and found.kind == key and not found.own:
            return Mistake(NOT_YOURS[key])
        another = mistakes.ANOTHER if found.kind == ALL[key].asks else "{kind}"
        return Mistake(mistakes.TAKEN, key, another, kind)


def delimiter(connection: Connection) -> set[int]:
    """Return the packet with the empty delimiter of a connection's first reply."""
    reply = connection.firsts.get("reply")
    return {part.packet for part in reply.parts if part.role == "delimiter"} if reply else set()
