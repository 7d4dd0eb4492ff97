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
from grade.form import PACKETS, QUESTIONS, Form, milliseconds, whole
from grade.lost_jobs import Workers
from output.language import _
from story.model import Connection, Event, New
from story.reader import Segment
from story.story import Story

RECENT = 1000  # packets back in which a packet that was captured twice is looked for
HELD = 20  # things in such a packet; of one that an answer names all are held
NAMES = {"ready": "READY", "initiate": "READY", "subscribe": "SUBSCRIBE", "published": "message"}
NAMES |= {"job": "job", "cancel": "CANCEL"}


class Mark(NamedTuple):
    """What became of one question."""

    key: str
    verdict: str  # "right", "wrong" or "empty"
    mistake: str = ""  # by name, if it is wrong


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
        self.named = {key: whole(form.answers.get(key, "")) for key in PACKETS}
        self.time = milliseconds(form.answers.get("round_trip", ""))
        self.asked = set(filter(None, self.named.values()))
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
            if event.layer == "ZMTP":
                numbers = {event.packet, event.first_packet, *(part.packet for part in event.parts)}
                ends = event.sender, connection.peer(event.sender)
                for number, others in self.ends.items():
                    if event.first_packet < number < event.packet and others == ends:
                        numbers.add(number)
                for number in numbers:
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
            self.tcp[number] = (
                f"TCP {part.flag}" if part and part.flag else "other data" if part else "no TCP"
            )
            self.clock[number] = packet.time
        if number > RECENT and number - RECENT not in self.asked:
            self.seen.pop(number - RECENT, None)

    def marks(self, story: Story) -> list[Mark]:
        """Return a mark for each question, in the order of the form."""
        marks = []
        for key in QUESTIONS:
            if key not in self.form.answers:
                marks.append(Mark(key, "empty"))
                continue
            if key == "round_trip":
                mistake = self._time(story)
            elif key == "jobs_lost":
                mistake = self.workers.mistake(self.form.answers[key])
            else:
                mistake = self._place(key, story)
            marks.append(Mark(key, "wrong" if mistake else "right", mistake))
        return marks

    def _held(self, packet: int) -> list[Sight]:
        """Return what a packet holds, or the one in which its data came first."""
        return self.seen.get(packet) or self.seen.get(self.twins.get(packet, packet), [])

    def _right(self, key: str, story: Story) -> list[Sight]:
        """Return what makes an answer right, which is nothing if it is wrong."""
        kind, role = PACKETS[key]
        packet = self.named[key] or 0
        kinds = (kind, "initiate") if kind == "ready" else (kind,)
        sights = [s for s in self._held(packet) if s.kind in kinds]
        sights = [sight for sight in sights if not role or sight.role == role]
        if key == "delimiter":
            sights = [
                s for s in sights if self.twins.get(packet, packet) in _delimiter(s.connection)
            ]
        elif key == "reply":
            unanswered = {exchange for waiting in self.waiting.values() for exchange in waiting}
            requests = self._right("request", story)
            asked = {sight.exchange for sight in requests} - unanswered
            sights = [sight for sight in sights if not asked or sight.exchange in asked]
            if requests and not asked and packet < (self.named["request"] or 0):
                sights = []  # the request was sent again, on another connection, and that is later
        return sights

    def _place(self, key: str, story: Story) -> str:
        """Return the mistake in the number of a packet, "" if it is right."""
        packet = self.named[key]
        if packet is None:
            return f"no number given for {key}"
        if not 0 < packet <= story.packets:
            return f"a packet that is not there taken for {key}"
        if self._right(key, story):
            return ""
        sights = self._held(packet)
        if not sights:
            return f"{self.tcp.get(packet, 'other data')} taken for {key}"
        found = sights[-1]
        what = NAMES.get(found.kind, found.kind)
        if found.kind in ("greeting", "ready", "initiate") and PACKETS[key][1]:
            what = f"{what} of {found.role}"
        elif found.kind == PACKETS[key][0]:
            what = "a later reply" if key == "delimiter" else f"another {what}"
        return f"{what} taken for {key}"

    def _time(self, story: Story) -> str:
        """Return the mistake in the time of a round trip, "" if it is right."""
        if self.time is None:
            return "no number given for round_trip"
        replies = [s.round_trip for s in self._right("reply", story) if s.round_trip is not None]
        if replies and self._right("request", story):  # between the two packets that are named
            sent, came = (self.clock[self.named[key] or 0] for key in ("request", "reply"))
            replies.append((came - sent) / 1e9)
        if any(near(self.time, true * 1000) for true in replies) or (not replies and self.times[0]):
            return ""
        if self.times[0]:
            return "another reply's time taken for round_trip"
        if self.times[1]:
            return "seconds taken for milliseconds in round_trip"
        for connection in story.connections:
            syn, reply = connection.firsts.get("syn"), connection.firsts.get("reply")
            if syn and reply and near(self.time, (reply.time - syn.time) * 1000):
                return "TCP handshake counted in round_trip"
        return "another time taken for round_trip"


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
