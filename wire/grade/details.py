"""Marks what is read in a packet: the size byte of a request, its Seq, the Len of a reply.

They are those of the packet that the form names in "request" or "reply"; if it names none, or a
wrong one, those of any that it might have named are right.
"""

from capture.packet import Packet
from grade import mistakes
from grade.form import QUESTIONS, Form, hexadecimal, whole
from grade.mistakes import Mistake
from grade.packets import Packets, Sight
from story.model import Connection, Event
from story.reader import Segment
from story.story import Story

KEYS = {key: ask.whose for key, ask in QUESTIONS.items() if ask.module == "details"}
Place = tuple[Sight, Segment, int]  # a request or a reply, its segment, bytes of its packet


class Details:
    """Looks at all requests and replies."""

    def __init__(self, form: Form, packets: Packets) -> None:
        self.packets = packets
        self.given = {key: whole(form.answers.get(key, "")) for key in KEYS}
        self.given["size_byte"] = hexadecimal(form.answers.get("size_byte", ""))
        # Whether it is the student's own (see packets.py), and its kind -> the first of them.
        self.first: dict[bool, dict[str, Place]] = {True: {}, False: {}}
        # Questions whose answer is right of some packet, of those that are own, and of others.
        self.some: dict[bool, set[str]] = {True: set(), False: set()}

    def take(
        self, connection: Connection, event: Event, packet: Packet | None, segment: Segment | None
    ) -> None:
        """Take note of a request or a reply that Packets has just taken."""
        sight = self.packets.latest
        if packet is None or segment is None or sight is None or event.packet != packet.number:
            return
        self.first[sight.own].setdefault(sight.kind, (sight, segment, packet.length))
        for key, kind in KEYS.items():
            if kind == sight.kind and self.given[key] == _true(key, sight, segment):
                self.some[sight.own].add(key)

    def _places(self, key: str, right: bool = True) -> list[Place]:
        """Return the packets that are named: all of them, if they are right."""
        kind, packets = KEYS[key], self.packets
        held = {} if right else {number: packets.held(number) for number in packets.named[kind]}
        return [
            (sight, *packets.segments[number])
            for number, sights in (packets.all_right(kind) if right else held).items()
            if number in packets.segments
            for sight in sights
            if sight.kind == kind
        ]

    def example(self, key: str, story: Story) -> str:
        """Return an answer that would be right, "" if the capture has none."""
        first = self.first[bool(self.packets.own)]
        places = self._places(key) or [first[kind] for kind in [KEYS[key]] if kind in first]
        if not places:
            return ""
        true = _true(key, *places[0][:2])
        return f"{true:02x}" if key == "size_byte" else str(true)

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with an answer, None if it is right."""
        number, places = self.given[key], self._places(key)
        if number is None:
            return Mistake(mistakes.NO_NUMBER, key)
        if any(number == _true(key, *place[:2]) for place in places):
            return None
        own = bool(self.packets.own)
        if not places and key in self.some[own]:
            return None
        another = Mistake(mistakes.OF_ANOTHER[KEYS[key]], key)
        wrong = self._places(key, right=False) if own and not places else []
        if any(number == _true(key, *place[:2]) for place in wrong):
            return another
        for place in places or self.first[own].values():
            if taken := _taken(key, number, given, *place):
                return Mistake(mistakes.TAKEN, key, taken)
        if own and key in self.some[False]:
            return another
        return Mistake(mistakes.TAKEN, key, mistakes.OTHER_NUMBER)


def _side(sight: Sight) -> str:
    return "client" if sight.sender == sight.connection.client else "server"


def _relative(sight: Sight, number: int, side: str) -> int:
    """Return a sequence number as Wireshark shows it: 1 is the first byte that a side sends."""
    return (number - sight.connection.initial.get(side, 0) + 1) % 2**32


def _length(segment: Segment) -> int:
    return len(segment.payload) + segment.cut


def _true(key: str, sight: Sight, segment: Segment) -> int:
    """Return the answer that a packet makes right."""
    if key == "size_byte":
        return sight.size
    return _length(segment) if key == "reply_len" else _relative(sight, segment.seq, _side(sight))


def _taken(key: str, number: int, given: str, sight: Sight, segment: Segment, length: int) -> str:
    """Return what was taken for the answer, "" if that is not known."""
    peer = "server" if _side(sight) == "client" else "client"
    found = {
        "size_byte": {
            mistakes.DECIMAL: whole(given) == sight.size,
            mistakes.DELIMITER: number == 0,
            mistakes.FLAGS: number == 1,
        },
        "request_seq": {
            mistakes.RAW: number == segment.seq,
            mistakes.NEXT: number == _relative(sight, segment.seq + _length(segment), _side(sight)),
            mistakes.ACKNOWLEDGED: number == _relative(sight, segment.ack, peer),
        },
        "reply_len": {
            mistakes.BODY: number == sight.size,
            mistakes.WHOLE: number == length,
        },
    }
    return next((name for name, holds in found[key].items() if holds), "")
