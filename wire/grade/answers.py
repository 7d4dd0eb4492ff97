"""Marks the answers of a form by the student's own capture.

    answers = Answers(form)
    read(path, story, answers.look)   # an observer of the one pass
    answers.marks(story)              # a Mark for each question

A packet is right if it holds what was asked for, whole or in part, so several may be. What is in a
wrong one names the mistake: "TCP ACK taken for reply", "greeting taken for request".
"""

from collections import Counter, deque
from typing import NamedTuple

from capture.packet import Packet
from grade import mistakes
from grade.form import PACKETS, QUESTIONS, Form, milliseconds, numbers
from grade.lost_jobs import Workers
from grade.mistakes import NO_TCP, OTHER_DATA, Mistake
from output.language import _
from story.model import Connection, Event, New
from story.reader import Segment
from story.story import Story

RECENT = 1000  # packets back in which a packet that was captured twice is looked for
HELD = 20  # things in such a packet; of one that an answer names all are held
NAMES = {"ready": "READY", "initiate": "READY", "subscribe": "SUBSCRIBE", "published": "message"}
NAMES |= {"job": "job", "cancel": "CANCEL"}
KINDS = {kind for kind, _role in PACKETS.values()}


class Mark(NamedTuple):
    """What became of one question."""

    key: str
    verdict: str  # "right", "wrong" or "empty"
    mistake: Mistake | None = None  # if it is wrong
    given: str = ""  # what the form says
    right: str = ""  # an answer that would be right, "" if the capture has none


class Sight(NamedTuple):
    """What a packet holds."""

    connection: Connection
    sender: str
    kind: str
    exchange: int  # of a request and of its reply the same, 0 if that is not known
    round_trip: float | None

    @property
    def role(self) -> str:
        return self.connection.role(self.sender)


def near(answer: float, true: float) -> bool:
    """Tell whether two times are the same but for rounding: 0.01 or 5 %."""
    return abs(answer - true) <= max(0.01, true * 0.05) + 1e-9


class Answers:
    """Looks, while a capture is read, at what its form of answers points to."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.named = {key: numbers(form.answers.get(key, "")) for key in PACKETS}
        self.time = milliseconds(form.answers.get("round_trip", ""))
        self.asked = {number for named in self.named.values() for number in named}
        self.first: dict[tuple[str, str], int] = {}  # kind, sender's type -> its first packet
        self.delimiter = 0  # the first packet that is a right answer
        self.trip: float | None = None  # of the first reply
        self.seen: dict[int, list[Sight]] = {}  # of the last RECENT packets, and of those asked for
        self.packets: dict[tuple[bytes, int, bytes], int] = {}  # and where each was first
        self.tcp: dict[int, str] = {}  # packet that was asked for -> what TCP does there
        self.clock: dict[int, int] = {}  # and when it was captured, in nanoseconds
        self.twins: dict[int, int] = {}  # packet that was asked for -> where its data came first
        self.ends: dict[int, tuple[str, str]] = {}  # packet where they did -> sender, receiver
        self.exchanges = 0
        self.waiting: dict[int, deque[int]] = {}  # requests of a connection without a reply
        self.times = [False, False]  # the time is that of some reply, in ms and in s
        self.workers = Workers()

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of a packet and of the events that it completes; None at the end."""
        oldest = packet.number - RECENT if packet else 0
        for connection, event in new:
            self.workers.look(connection, event)
            sight = self._sight(connection, event)
            self._example(connection, event)
            if event.layer == "ZMTP":
                places = {event.packet, event.first_packet, *(part.packet for part in event.parts)}
                ends = event.sender, connection.peer(event.sender)
                for number, others in self.ends.items():
                    if event.first_packet < number < event.packet and others == ends:
                        places.add(number)
                for number in places:
                    if number > oldest or number in self.asked:
                        sights = self.seen.setdefault(number, [])
                        if len(sights) < HELD or number in self.asked:
                            sights.append(sight)
        if packet:
            self._packet(packet, segment)

    def _sight(self, connection: Connection, event: Event) -> Sight:
        exchange = 0
        if event.kind == "request":
            self.exchanges += 1
            exchange = self.exchanges
            self.waiting.setdefault(connection.number, deque(maxlen=1000)).append(exchange)
        elif event.kind == "reply" and event.round_trip is not None:
            waiting = self.waiting.get(connection.number)
            exchange = waiting.popleft() if waiting else 0
            if self.time is not None:
                self.times[0] |= near(self.time, event.round_trip * 1000)
                self.times[1] |= near(self.time * 1000, event.round_trip * 1000)
        return Sight(connection, event.sender, event.kind, exchange, event.round_trip)

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
            self.clock[number] = packet.time
        if number > RECENT and number - RECENT not in self.asked:
            self.seen.pop(number - RECENT, None)

    def _example(self, connection: Connection, event: Event) -> None:
        """Remember the first packet that would be a right answer to each question."""
        kind = "ready" if event.kind == "initiate" else event.kind
        if kind in KINDS:
            role = connection.role(event.sender) if kind in ("greeting", "ready") else ""
            self.first.setdefault((kind, role), event.packet)
            if kind == "reply" and self.trip is None:
                self.trip = event.round_trip
            if kind == "reply" and not self.delimiter:
                self.delimiter = max(_delimiter(connection), default=0)

    def marks(self, story: Story) -> list[Mark]:
        """Return a mark for each question, in the order of the form."""
        marks = []
        for key in QUESTIONS:
            given, right = self.form.answers.get(key, ""), self._answer(key)
            if not given:
                marks.append(Mark(key, "empty", right=right))
                continue
            if key == "round_trip":
                mistake = self._time(story)
            elif key == "jobs_lost":
                mistake = self.workers.mistake(given)
            else:
                mistake = self._numbers(key, story)
            marks.append(Mark(key, "wrong" if mistake else "right", mistake, given, right))
        return marks

    def _answer(self, key: str) -> str:
        """Return an answer to a question that this capture makes right, "" if it has none."""
        if key == "round_trip":
            return "" if self.trip is None else f"{self.trip * 1000:.2f}"
        if key == "jobs_lost":
            return " or ".join(map(str, sorted(self.workers.lost())))
        return str(self.delimiter if key == "delimiter" else self.first.get(PACKETS[key], "")) or ""

    def _held(self, packet: int) -> list[Sight]:
        """Return what a packet holds, or the one in which its data came first."""
        return self.seen.get(packet) or self.seen.get(self.twins.get(packet, packet), [])

    def _right(self, key: str, story: Story, packet: int) -> list[Sight]:
        """Return what makes a packet a right answer, which is nothing if it is wrong."""
        kind, role = PACKETS[key]
        kinds = (kind, "initiate") if kind == "ready" else (kind,)
        sights = [s for s in self._held(packet) if s.kind in kinds]
        sights = [sight for sight in sights if not role or sight.role == role]
        if key == "delimiter":
            first = self.twins.get(packet, packet)
            sights = [s for s in sights if first in _delimiter(s.connection)]
        elif key == "reply":
            unanswered = {exchange for waiting in self.waiting.values() for exchange in waiting}
            requests = self._all("request", story)
            asked = {sight.exchange for sight in requests} - unanswered
            sights = [sight for sight in sights if not asked or sight.exchange in asked]
            if requests and not asked and packet < max(self.named["request"]):
                sights = []  # the request was sent again, on another connection, and that is later
        return sights

    def _all(self, key: str, story: Story) -> list[Sight]:
        """Return what makes an answer right: of two numbers both have to be."""
        found = [self._right(key, story, packet) for packet in self.named[key]]
        return [sight for sights in found for sight in sights] if found and all(found) else []

    def _numbers(self, key: str, story: Story) -> Mistake | None:
        """Return the mistake in the packet numbers of an answer, None if it is right."""
        if not self.named[key]:
            return Mistake(mistakes.NO_NUMBER, key)
        wrong = (n for n in self.named[key] if not self._right(key, story, n))
        packet = next(wrong, None)
        if packet is None:
            return None
        if not 0 < packet <= story.packets:
            return Mistake(mistakes.NOT_THERE, key)
        sights = self._held(packet)
        if not sights:
            return Mistake(mistakes.TAKEN, key, self.tcp.get(packet, OTHER_DATA))
        found = sights[-1]
        kind = NAMES.get(found.kind, found.kind)
        if found.kind in ("greeting", "ready", "initiate") and PACKETS[key][1]:
            return Mistake(mistakes.TAKEN, key, mistakes.OF, kind, found.role)
        if found.kind == PACKETS[key][0] and key == "delimiter":
            return Mistake(mistakes.TAKEN, key, mistakes.LATER_REPLY)
        another = mistakes.ANOTHER if found.kind == PACKETS[key][0] else "{kind}"
        return Mistake(mistakes.TAKEN, key, another, kind)

    def _time(self, story: Story) -> Mistake | None:
        """Return the mistake in the time of a round trip, None if it is right."""
        if self.time is None:
            return Mistake(mistakes.NO_NUMBER, "round_trip")
        replies = [s.round_trip for s in self._all("reply", story) if s.round_trip is not None]
        if replies and self._all("request", story):  # between the two packets that are named
            sent, came = (self.clock[self.named[key][-1]] for key in ("request", "reply"))
            replies.append((came - sent) / 1e9)
        if any(near(self.time, true * 1000) for true in replies) or (not replies and self.times[0]):
            return None
        if self.times[0]:
            return Mistake(mistakes.OTHER_REPLY)
        if self.times[1]:
            return Mistake(mistakes.SECONDS)
        for connection in story.connections:
            syn, reply = connection.firsts.get("syn"), connection.firsts.get("reply")
            if syn and reply and near(self.time, (reply.time - syn.time) * 1000):
                return Mistake(mistakes.HANDSHAKE)
        return Mistake(mistakes.OTHER_TIME)


def tally(marks: list[Mark]) -> str:
    """Return how many answers are right, without saying which."""
    count = Counter(mark.verdict for mark in marks)
    said = _("answers: {right} right, {wrong} wrong, {empty} empty, of {all}")
    counts = {verdict: count[verdict] for verdict in ("right", "wrong", "empty")}
    return said.format(**counts, all=len(marks))


def _delimiter(connection: Connection) -> set[int]:
    """Return the packet with the empty delimiter of a connection's first reply."""
    reply = connection.firsts.get("reply")
    return {part.packet for part in reply.parts if part.role == "delimiter"} if reply else set()
