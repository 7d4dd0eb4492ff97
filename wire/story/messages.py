"""From the ZMTP frames of one connection to events: handshake, requests, replies, jobs, …

    messages = MessageAssembler(connection, expect)
    event = messages.take(side, item)   # None while more frames of the message follow

The patterns are RFC 28 (REQ-REP), 29 (PUB-SUB) and 30 (PUSH-PULL).
"""

from safe import SHOWN, text_of
from story.commands import command
from story.exchanges import Exchanges
from story.model import Connection, Event, MessageFrame
from story.pending import Pending, shortened
from story.pickles import pickled
from zmtp.command import named
from zmtp.frames import COMMAND, KEPT, MORE, Frame, Greeting, Skipped
from zmtp.patterns import TYPES, fit, message_kind

TOPICS = 1000  # subscriptions of a connection that are listed
SIDES = ("client", "server")
GREETED, DONE = ("greeting client", "greeting server"), ("done client", "done server")
DISCARDED = "without the empty delimiter: REP discards it"
ABSENT = "not in the capture"
HEADLESS = "its beginning is not in the capture"
make = tuple.__new__  # makes a NamedTuple in a third of the time


class MessageAssembler:
    """Both directions of one connection."""

    __slots__ = (
        *("connection", "exchanges", "expect", "kinds", "mechanisms", "pending", "resumed"),
        *("senders", "shown", "typed", "whole"),
    )

    def __init__(
        self, connection: Connection, expect: bytes = b"", shown: int = SHOWN, whole: int = 0
    ) -> None:
        self.connection = connection
        self.expect = expect  # what a request should be
        self.shown = shown  # characters of a text
        self.whole = whole  # bytes up to which the body of a message stays whole in Event.wire
        self.senders = (connection.client, connection.server)
        self.pending = (Pending(), Pending())
        self.exchanges = Exchanges(connection.late)
        self.kinds = ["", ""]  # of messages from each side, once it is known
        self.mechanisms = ["", ""]  # that each side has said
        self.typed: set[int] = set()  # sides that have said their socket type
        self.resumed = [connection.late] * 2  # the beginning of the next message may be missing

    def take(self, side: int, item: Greeting | Frame | Skipped) -> Event | None:
        """Return the event that this item completes."""
        time = item.time
        if isinstance(item, Frame):
            if item.flags & COMMAND:
                return self._command(side, item, time)
            return self._frame(side, item, time)
        if isinstance(item, Greeting):
            return self._greeting(side, item, time)
        self.lose(side)
        return Event(item.last, time, self.senders[side], "gap", size=item.size, note=item.note)

    def lose(self, side: int) -> None:
        """Say that messages of a side may have passed unseen."""
        types = (self.connection.client_type, self.connection.server_type)
        self.exchanges.lose(self._kind(side) == "request", types[side] == "REQ")
        self.resumed[side] = True

    def _greeting(self, side: int, item: Greeting, time: float) -> Event:
        connection, notes = self.connection, [item.note]
        connection.handshakes.add(GREETED[side])
        connection.version = min(item.version, connection.version or item.version)
        connection.mechanism = item.mechanism or connection.mechanism
        self.mechanisms[side] = "" if item.mechanism.endswith("…") else item.mechanism
        one, other = self.mechanisms
        if one and other and one != other:
            notes.append(f"the mechanisms do not fit: {one} and {other}")
        if item.socket_type:
            notes.append(self._typed(side, item.socket_type))
        sender = self.senders[side]
        event = Event(item.last, time, sender, "greeting", "", 0, item.first, wire=(item,))
        event.version, event.as_server = item.version, item.as_server
        event.mechanism, event.socket_type = item.mechanism, item.socket_type
        event.note = ", ".join(filter(None, notes))
        return event

    def _typed(self, side: int, socket_type: str) -> str:
        """Take down the socket type of a side, and return what is wrong with it.

        Until both are said the port may tell the other.
        """
        connection = self.connection
        types = [connection.client_type, connection.server_type]
        if connection.by_port and types[side] != socket_type and 1 - side not in self.typed:
            types[1 - side] = ""  # the port was misleading
        types[side] = socket_type
        connection.client_type, connection.server_type = types
        self.typed.add(side)
        connection.by_port = connection.by_port and all(types) and len(self.typed) < 2
        self.kinds = ["", ""]
        if len(self.typed) < 2 or fit(*types):
            return ""
        return f"the socket types do not fit: {' and '.join(types)}"

    def _kind(self, side: int) -> str:
        """Return what a message from this side is, by the socket types of both."""
        connection = self.connection
        both = (connection.client_type, connection.server_type)
        return message_kind(both[side], both[1 - side])

    def _frame(self, side: int, item: Frame, time: float) -> Event | None:
        """Collect the frames of a message."""
        connection, pending = self.connection, self.pending[side]
        if connection.mechanism == "CURVE" and item.body.startswith(b"\x07MESSAGE"):
            return self._command(side, item, time)  # libzmq sends it without the flag of a command
        if connection.version < "3" and DONE[side] not in connection.handshakes:
            connection.handshakes.add(DONE[side])
            if GREETED[side] in connection.handshakes:
                name = text_of(item.body)
                event = Event(item.last, time, self.senders[side], "identity", name, item.size)
                event.first_packet, event.wire = item.first, shortened([item], item.size)
                return event
        if item.flags & MORE:
            pending.add(item)
            return None
        frames = pending.frames
        if frames:
            frames.append(item)
            event = self._message(side, frames, time)
            pending.clear()
        else:
            event = self._message(side, [item], time)
        self.resumed[side] = False
        return event

    def _message(self, side: int, frames: list[Frame], time: float) -> Event:
        kind = self.kinds[side]
        if not kind:
            kind = self.kinds[side] = self._kind(side)
        if kind == "filter":
            body = frames[0].body
            if len(frames) == 1 and body[:1] in (b"\0", b"\1"):
                return self._filter(side, frames[0], body[1:], body[0] == 1, time)
            kind = "message"
        pending, exchanged = self.pending[side], kind == "request" or kind == "reply"
        delimiter = _delimiter(frames) if exchanged else -1
        parts, shown, value = [], [], None
        size, missing = pending.size, pending.missing
        for index, frame in enumerate(frames):
            role, text = "body", ""
            if frame.size:
                value, text = self._say(frame, kind)
                size += frame.size
                missing += frame.missing
            if index > delimiter:
                shown.append(text)
            else:
                role = "envelope" if index < delimiter else "delimiter"
            parts.append(make(MessageFrame, (frame.last, role, text, frame.size)))
        text = shown[0] if len(shown) == 1 else " | ".join(shown)
        packet, first = frame.last, frames[0].first
        event = Event(packet, time, self.senders[side], kind, text, size, first, parts)
        event.wire = shortened(frames, size, self.whole)
        if missing:
            event.note = f"{missing} of its bytes are not in the capture"
        elif pending.beyond:
            event.note = f"{pending.beyond:,} of them are not shown"
        if pending.beyond:
            event.frames = len(frames) + pending.beyond
        if exchanged:
            self._exchange(side, frames, delimiter, event)
        elif kind == "published":
            event.topic = shown[0].split(" ", 1)[0] if len(shown) == 1 else shown[0]
        elif kind == "job" and len(frames) == 1:
            event.value = value
        return event

    def _exchange(self, side: int, frames: list[Frame], delimiter: int, event: Event) -> None:
        """Pair a request with its reply."""
        connection, exchanges = self.connection, self.exchanges
        types = (connection.client_type, connection.server_type)
        us, peer = types[side], types[1 - side]
        envelope = hash(tuple(frame.body for frame in frames[:delimiter])) if delimiter > 0 else 0
        if delimiter < 0 and self.resumed[side]:
            event.note = event.note or HEADLESS
        elif delimiter < 0 and peer == "REP" and len(self.typed) == 2:
            event.note = DISCARDED
            return
        if event.kind == "request":
            event.exchange = exchanges.ask(envelope, event.time, us == "REQ")
            if self.expect and [frame.body for frame in frames[delimiter + 1 :]] == [self.expect]:
                connection.expected = connection.expected or event
        elif found := exchanges.answer(envelope, peer == "REQ", us == "REP"):
            event.exchange, asked = found
            if event.time >= asked:  # else the clock was set back meanwhile
                event.round_trip = event.time - asked

    def _say(self, frame: Frame, kind: str) -> tuple[int | None, str]:
        """Return the int of a pickled one, and the text of a frame."""
        body = frame.body
        if body[-1:] == b"." and (body[0] == 0x80 or kind == "job") and not frame.missing:
            found = pickled(body) if frame.size == len(body) else None
            if isinstance(found, int):
                return found, str(found)
            if found:
                return None, f"a pickle of something else than an int, {frame.size} bytes, not read"
        text = text_of(body, self.shown)
        return None, text if frame.size <= KEPT or text.endswith("…") else text + "…"

    def _filter(self, side: int, frame: Frame, body: bytes, on: bool, time: float) -> Event:
        """Return a subscription (RFC 29): a message of 3.0, or a command of 3.1."""
        topic = text_of(body)
        kind = "subscribe" if on else "cancel"
        topics = self.connection.subscriptions
        if on and topic not in topics and len(topics) < TOPICS:
            topics.append(topic)
        form = "command" if frame.flags & COMMAND else "message"
        part = MessageFrame(frame.last, form, topic, frame.size)
        event = Event(frame.last, time, self.senders[side], kind, topic, frame.size)
        event.first_packet, event.parts = frame.first, [part]
        event.wire = shortened([frame], frame.size)
        return event

    def _command(self, side: int, frame: Frame, time: float) -> Event:
        name, data = named(frame)
        if name in (b"SUBSCRIBE", b"CANCEL"):
            return self._filter(side, frame, data, name == b"SUBSCRIBE", time)
        event = command(self.connection, self.senders[side], frame, name, data, time)
        if event.kind in ("ready", "initiate"):
            self.connection.handshakes.add(DONE[side])
            if event.socket_type in TYPES:
                wrong = self._typed(side, event.socket_type)
                event.note = event.note or wrong
        return event


def _delimiter(frames: list[Frame]) -> int:
    """Return which frame is the empty one before a request or reply (RFC 28), -1 if none is."""
    for index in range(len(frames) - 1):
        if not frames[index].size:
            return index
    return -1
