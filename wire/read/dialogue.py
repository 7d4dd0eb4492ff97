"""From the ZMTP frames of one connection to events: handshake, requests, replies, jobs, …

    dialogue = Dialogue(connection, expect)
    event = dialogue.take(side, item, time)   # None while more frames of the message follow

The patterns are RFC 28 (REQ-REP), 29 (PUB-SUB) and 30 (PUSH-PULL), the commands RFC 23 and 37,
PLAIN RFC 24, CURVE RFC 25 and 26.
"""

import os
from collections import deque

from read.events import Connection, Event, Part
from read.payload import SHOWN, pickled, printable, properties, text_of
from read.zmtp import COMMAND, KEPT, MORE, Frame, Greeting, Skipped

PARTS = 100  # frames of a message that are kept
WIRE, FRAMES = 256, 8  # bytes of a body that are kept with an event, and frames of it
SIDES = ("client", "server")
FILTERS = ("SUB", "XSUB")
TYPES = (
    *("PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB"),
    *("CLIENT", "SERVER", "RADIO", "DISH", "GATHER", "SCATTER", "PEER", "CHANNEL", "STREAM"),
)


def shortened(frames: list[Frame]) -> list[Frame]:
    """Return the first FRAMES frames, each with the first WIRE bytes of its body."""
    return [f if f.size <= WIRE else f._replace(body=f.body[:WIRE]) for f in frames[:FRAMES]]


class Dialogue:
    """Both directions of one connection."""

    def __init__(self, connection: Connection, expect: str = "", shown: int = SHOWN) -> None:
        self.connection = connection
        self.expect = os.fsencode(expect)  # what a request should be
        self.shown = shown  # characters of a text
        self.senders = (connection.client, connection.server)
        self.pending: tuple[list[Frame], list[Frame]] = ([], [])  # frames of a message under way
        self.unsent = [0, 0]  # frames of it that were not kept
        self.asked: deque[float] = deque(maxlen=1000)  # times of requests without a reply
        self.kinds = ["", ""]  # of messages from each side, once it is known
        self.typed: set[int] = set()  # sides that have said their socket type

    def take(self, side: int, item: Greeting | Frame | Skipped, time: float) -> Event | None:
        """Return the event that this item completes; `time` is in seconds of the story."""
        if isinstance(item, Frame):
            if item.flags & COMMAND:
                return self._command(side, item, time)
            return self._frame(side, item, time)
        if isinstance(item, Greeting):
            return self._greeting(side, item, time)
        note = "not told: no frame begins there, since what came before is not in the capture"
        return Event(item.last, time, self.senders[side], "gap", size=item.size, note=note)

    def _greeting(self, side: int, item: Greeting, time: float) -> Event:
        connection = self.connection
        connection.handshakes.add(f"greeting {SIDES[side]}")
        connection.version = min(item.version, connection.version or item.version)
        connection.mechanism = printable(item.mechanism.encode()) or connection.mechanism
        if item.socket_type:
            self._typed(side, item.socket_type)
        event = Event(item.last, time, self.senders[side], "greeting", begin=item.first)
        event.wire = (item,)
        event.version, event.as_server = item.version, item.as_server
        event.mechanism, event.socket_type = connection.mechanism, item.socket_type
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
        sender, receiver = both[side], both[1 - side]
        if sender == "REQ" or receiver == "REP":
            return "request"
        if sender == "REP" or receiver == "REQ":
            return "reply"
        if sender in FILTERS or receiver in ("PUB", "XPUB"):
            return "filter"
        if sender in ("PUB", "XPUB") or receiver in FILTERS:
            return "published"
        return "job" if sender == "PUSH" or receiver == "PULL" else "message"

    def _frame(self, side: int, item: Frame, time: float) -> Event | None:
        """Collect the frames of a message."""
        connection, parts = self.connection, self.pending[side]
        if connection.mechanism == "CURVE" and item.body.startswith(b"\x07MESSAGE"):
            return self._command(side, item, time)  # libzmq sends it without the flag of a command
        if connection.version < "3" and f"done {SIDES[side]}" not in connection.handshakes:
            connection.handshakes.add(f"done {SIDES[side]}")
            if f"greeting {SIDES[side]}" in connection.handshakes:
                name = text_of(item.body)
                event = Event(item.last, time, self.senders[side], "identity", name, item.size)
                event.begin, event.wire = item.first, shortened([item])
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
            delimiter = next((i for i, f in enumerate(frames[:-1]) if f.size == 0), -1)
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
            parts.append(Part(frame.last, role, text, frame.size))
        event = Event(
            last.last, time, sender, kind, " | ".join(shown), size, frames[0].first, parts
        )
        event.wire = shortened(frames)
        if missing:
            event.note = f"{missing} of its bytes are not in the capture"
        elif self.unsent[side]:
            event.note = f"{self.unsent[side]} more frames are not shown"
            self.unsent[side] = 0
        if kind == "request":
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
        part = Part(frame.last, form, topic, frame.size)
        event = Event(frame.last, time, self.senders[side], kind, topic, frame.size)
        event.begin, event.parts, event.wire = frame.first, [part], shortened([frame])
        return event

    def _command(self, side: int, frame: Frame, time: float) -> Event:
        """Return what a command says: a byte of size, its name, its own data."""
        body = frame.body
        length = body[0] if body else 0
        name, data = body[1 : 1 + length], body[1 + length :]
        if name in (b"SUBSCRIBE", b"CANCEL"):
            return self._filter(side, frame, data, name == b"SUBSCRIBE", time)
        event = Event(frame.last, time, self.senders[side], "command", size=frame.size)
        event.begin, event.wire = frame.first, shortened([frame])
        role = "command" if frame.flags & COMMAND else "body"
        event.parts = [Part(frame.last, role, printable(name), frame.size)]
        connection, mechanism = self.connection, self.connection.mechanism
        if name in (b"PING", b"PONG"):
            event.kind = name.decode().lower()
            ttl = f"time to live {int.from_bytes(data[:2]) / 10:g} s" if name == b"PING" else ""
            context = printable(data[2:] if name == b"PING" else data)
            event.text = ", ".join(filter(None, (ttl, f'context "{context}"' * bool(context))))
        elif name == b"MESSAGE":
            event.kind, event.size = "encrypted", max(0, frame.size - 8)
            connection.mechanism = mechanism or "CURVE"
        elif name == b"ERROR":
            event.kind, event.text = "error", text_of(data[1 : 1 + data[0]] if data else b"")
        elif name in (b"READY", b"INITIATE"):
            event.kind = name.decode().lower()
            connection.handshakes.add(f"done {SIDES[side]}")
            if mechanism == "CURVE":
                event.text = f"encrypted, {len(data)} bytes"
            else:
                self._ready(side, event, data)
        elif name in (b"HELLO", b"WELCOME"):
            event.kind = name.decode().lower()
            if mechanism == "CURVE":
                event.text = "keys, partly encrypted" if name == b"HELLO" else "encrypted"
            elif name == b"HELLO" and data:
                user, secret = data[1 : 1 + data[0]], data[2 + data[0] :]
                event.text = (
                    f'user "{text_of(user)}" and a password of {len(secret)} bytes, in clear'
                )
        else:
            event.text = text_of(name)
        return event

    def _ready(self, side: int, event: Event, data: bytes) -> None:
        found = properties(data)
        for name, value in found.items():
            if name.lower() == "socket-type":
                event.socket_type = text_of(value)
            elif name.lower() == "identity":
                event.identity = text_of(value)
            else:
                event.metadata[name] = text_of(value)
        event.text = event.socket_type
        if event.socket_type in TYPES:
            self._typed(side, event.socket_type)
