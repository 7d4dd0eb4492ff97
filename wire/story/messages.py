"""From the ZMTP frames of one connection to events: handshake, requests, replies, jobs, …

    messages = MessageAssembler(connection, expect)
    event = messages.take(side, item)   # None while more frames of the message follow

The patterns are RFC 28 (REQ-REP), 29 (PUB-SUB) and 30 (PUSH-PULL).
"""

import os
from collections import deque

from safe import SHOWN, text_of
from story.commands import command, shortened
from story.model import Connection, Event, MessageFrame
from story.pickles import pickled
from zmtp.command import named
from zmtp.frames import COMMAND, KEPT, MORE, Frame, Greeting, Skipped
from zmtp.patterns import TYPES, message_kind

PARTS = 100  # frames of a message that are kept
SIDES = ("client", "server")
GREETED, DONE = ("greeting client", "greeting server"), ("done client", "done server")


class MessageAssembler:
    """Both directions of one connection."""

    __slots__ = (
        *("asked", "connection", "expect", "kinds", "pending", "senders", "shown", "typed"),
        "unsent",
    )

    def __init__(self, connection: Connection, expect: str = "", shown: int = SHOWN) -> None:
        self.connection = connection
        self.expect = os.fsencode(expect)  # what a request should be
        self.shown = shown  # characters of a text
        self.senders = (connection.client, connection.server)
        self.pending: tuple[list[Frame], list[Frame]] = ([], [])  # frames of a message under way
        self.unsent = [0, 0]  # frames of it that were not kept
        self.asked: deque[float] | None = None  # times of requests without a reply
        self.kinds = ["", ""]  # of messages from each side, once it is known
        self.typed: set[int] = set()  # sides that have said their socket type

    def take(self, side: int, item: Greeting | Frame | Skipped) -> Event | None:
        """Return the event that this item completes."""
        time = item.time
        if isinstance(item, Frame):
            if item.flags & COMMAND:
                return self._command(side, item, time)
            return self._frame(side, item, time)
        if isinstance(item, Greeting):
            return self._greeting(side, item, time)
        return Event(item.last, time, self.senders[side], "gap", size=item.size, note=item.note)

    def unfinished(self, side: int) -> tuple[int, int]:
        """Return bytes and number of the ZMTP frames of a message whose last one never came."""
        frames, more = self.pending[side], self.unsent[side]
        if not frames:
            return 0, more
        found = sum(frame.size for frame in frames), len(frames) + more
        frames.clear()
        return found

    def _greeting(self, side: int, item: Greeting, time: float) -> Event:
        connection = self.connection
        connection.handshakes.add(GREETED[side])
        connection.version = min(item.version, connection.version or item.version)
        connection.mechanism = item.mechanism or connection.mechanism
        if item.socket_type:
            self._typed(side, item.socket_type)
        event = Event(item.last, time, self.senders[side], "greeting", first_packet=item.first)
        event.wire = (item,)
        event.version, event.as_server = item.version, item.as_server
        event.mechanism, event.socket_type = connection.mechanism, item.socket_type
        event.note = item.note
        return event

    def _typed(self, side: int, socket_type: str) -> None:
        """Take down the socket type of a side; until both are said the port may tell the other."""
        connection = self.connection
        types = [connection.client_type, connection.server_type]
        if connection.by_port and types[side] != socket_type and 1 - side not in self.typed:
            types[1 - side] = ""  # the port was misleading
        types[side] = socket_type
        connection.client_type, connection.server_type = types
        self.typed.add(side)
        connection.by_port = connection.by_port and all(types) and len(self.typed) < 2
        self.kinds = ["", ""]

    def _kind(self, side: int) -> str:
        """Return what a message from this side is, by the socket types of both."""
        connection = self.connection
        both = (connection.client_type, connection.server_type)
        return message_kind(both[side], both[1 - side])

    def _frame(self, side: int, item: Frame, time: float) -> Event | None:
        """Collect the frames of a message."""
        connection, parts = self.connection, self.pending[side]
        if connection.mechanism == "CURVE" and item.body.startswith(b"\x07MESSAGE"):
            return self._command(side, item, time)  # libzmq sends it without the flag of a command
        if connection.version < "3" and DONE[side] not in connection.handshakes:
            connection.handshakes.add(DONE[side])
            if GREETED[side] in connection.handshakes:
                name = text_of(item.body)
                event = Event(item.last, time, self.senders[side], "identity", name, item.size)
                event.first_packet, event.wire = item.first, shortened([item])
                return event
        if item.flags & MORE:
            if not parts or (len(parts) < PARTS and sum(len(p.body) for p in parts) <= KEPT):
                parts.append(item)
            else:
                self.unsent[side] += 1
            return None
        if parts:
            frames = [*parts, item]
            parts.clear()
        else:
            frames = [item]
        return self._message(side, frames, time)

    def _message(self, side: int, frames: list[Frame], time: float) -> Event:
        kind = self.kinds[side]
        if not kind:
            kind = self.kinds[side] = self._kind(side)
        body = frames[0].body
        if kind == "filter":
            if len(frames) == 1 and body[:1] in (b"\0", b"\1"):
                return self._filter(side, frames[0], body[1:], body[0] == 1, time)
            kind = "message"
        last, sender = frames[-1], self.senders[side]
        delimiter = -1
        if kind in ("request", "reply") and len(frames) > 1:
            sizes = [frame.size for frame in frames[:-1]]
            delimiter = sizes.index(0) if 0 in sizes else -1
        parts, shown, value = [], [], None
        size = missing = 0
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
            parts.append(MessageFrame(frame.last, role, text, frame.size))
        event = Event(
            last.last, time, sender, kind, " | ".join(shown), size, frames[0].first, parts
        )
        event.wire = shortened(frames)
        if missing:
            event.note = f"{missing} of its bytes are not in the capture"
        elif self.unsent[side]:
            event.note = f"{self.unsent[side]} more ZMTP frames are not shown"
            self.unsent[side] = 0
        if kind == "request":
            if self.asked is None:
                self.asked = deque(maxlen=1000)
            self.asked.append(time)
            if self.expect and [frame.body for frame in frames[delimiter + 1 :]] == [self.expect]:
                self.connection.expected = self.connection.expected or event
        elif kind == "reply" and self.asked:
            event.round_trip = time - self.asked.popleft()
        elif kind == "published":
            event.topic = shown[0].split(" ", 1)[0] if len(shown) == 1 else shown[0]
        elif kind == "job" and len(frames) == 1:
            event.value = value
        return event

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
        if on and topic not in topics and len(topics) < 1000:
            topics.append(topic)
        form = "command" if frame.flags & COMMAND else "message"
        part = MessageFrame(frame.last, form, topic, frame.size)
        event = Event(frame.last, time, self.senders[side], kind, topic, frame.size)
        event.first_packet, event.parts, event.wire = frame.first, [part], shortened([frame])
        return event

    def _command(self, side: int, frame: Frame, time: float) -> Event:
        name, data = named(frame)
        if name in (b"SUBSCRIBE", b"CANCEL"):
            return self._filter(side, frame, data, name == b"SUBSCRIBE", time)
        event = command(self.connection, self.senders[side], frame, time)
        if event.kind in ("ready", "initiate"):
            self.connection.handshakes.add(DONE[side])
            if event.socket_type in TYPES:
                self._typed(side, event.socket_type)
        return event
