"""One TCP connection as the story knows it: from what TCP gives to events.

    session = Session(story)
    fate = session.take(tcp, side, happened, new)   # appends (connection, event) to new

A session owns its connection of the model: it alone writes into it, with its MessageAssembler.
What comes before it is known whether the connection carries ZMTP is held back.
"""

from collections.abc import Iterator
from typing import NamedTuple

from safe import SHOWN
from story.messages import SIDES, MessageAssembler
from story.model import Connection, Event, New
from story.runs import Runs
from story.store import ConnectionStore
from tcp.assembler import BEGUN
from tcp.connection import StreamEvent, TCPConnection
from tcp.segment import endpoint
from zmtp.frames import KEPT, Item
from zmtp.greeting import Negotiation
from zmtp.patterns import Ports

HELD = 10  # things that are held back
FOLLOW, IGNORE, SHAKEN = "", "ignore", "shaken"  # what becomes of a TCP connection


class Told(NamedTuple):
    """How a story is told."""

    store: ConnectionStore
    ports: Ports
    expect: str


class Session:
    """What the story keeps for one TCP connection; the most of it once data came."""

    __slots__ = ("connection", "held", "messages", "negotiation", "odd", "runs", "settled", "told")

    def __init__(self, told: Told) -> None:
        self.told = told
        self.held: list[tuple[int, StreamEvent]] = []  # before it is known to be ZMTP
        self.connection: Connection | None = None  # once it is
        self.negotiation: Negotiation | None = None
        self.messages: MessageAssembler | None = None
        self.runs: Runs | None = None
        self.odd = False  # a side closed in the middle of a frame
        self.settled = False  # nothing but messages is to be expected

    def take(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Take what happened, and return what becomes of the TCP connection.

        That is FOLLOW, IGNORE (no ZMTP, or no room for it) or SHAKEN (its handshakes are over).
        """
        kind, number, time, data, size, _ = happened
        negotiation = self.negotiation
        if self.settled and kind == "data":  # the usual packet
            messages = self.messages
            for item in negotiation.readers[side].feed(data, number, time):  # type: ignore[union-attr]
                if event := messages.take(side, item):  # type: ignore[union-attr]
                    self._add(event, new)
            return FOLLOW
        if kind not in ("data", "gap"):
            return self._transport(tcp, side, happened, new)
        if not negotiation:
            guess = bool(self._types(tcp))
            negotiation = self.negotiation = Negotiation(guess, tcp.late)
        if kind == "data":
            items = negotiation.feed(side, data, number, time)
        else:
            items = negotiation.skip(side, size, number, time)
            self._gap(side, happened, new)
        fate = self._items(tcp, items, new) if items or not self.connection else FOLLOW
        if kind == "gap":
            self._lose(side, happened, new)
        return fate

    def refuse(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Take the refusal of an attempt, the first or another by the same client."""
        if not self.connection:
            self.held = []
            if not self._introduce(tcp, new):
                return IGNORE
            assert self.connection
            self.told.store.attempts += 1
            self.connection.retransmitted, self.connection.closed = tcp.retransmitted, True
        self._add(self._event(side, happened), new)
        return FOLLOW

    def finish(self, tcp: TCPConnection, number: int, time: float, new: New) -> None:
        """Tell what was held back, since no more comes; `number` and `time` of the last packet."""
        self._decide(tcp, new)
        if self.connection and self.negotiation:
            self.connection.retransmitted = tcp.retransmitted
            if not self.connection.closed:  # then that was told with its end
                self._unfinished((0, 1), number, time, new)
            self.connection.guess = self._guessed()
            self.told.store.guesses += self.connection.guess

    def leave(self, dropped: bool) -> None:
        """Say that the connection is not followed any more; `dropped`: though it may go on."""
        if self.connection:
            self.connection.closed = True
            self.connection.lost = dropped

    def _guessed(self) -> bool:
        """Tell whether the port alone says that it is ZMTP, and some bytes that it is not."""
        negotiation, messages = self.negotiation, self.messages
        if not negotiation or not messages or negotiation.proved or messages.typed:
            return False
        read = all(reader.reads for reader in negotiation.readers)
        return self.odd or not read or any(negotiation.foreign)

    def _types(self, tcp: TCPConnection) -> tuple[str, str] | None:
        return self.told.ports.get(int.from_bytes(tcp.client_key[-2:]))

    def _items(self, tcp: TCPConnection, items: list[tuple[int, Item]], new: New) -> str:
        """Tell what was read, if it is ZMTP."""
        negotiation = self.negotiation
        assert negotiation
        if not self.connection:
            states = [reader.state for reader in negotiation.readers]
            if not negotiation.zmtp and "frames" not in states:
                return IGNORE if states == ["other", "other"] else FOLLOW
            if not self._introduce(tcp, new):
                return IGNORE
            negotiation.zmtp = True
            self.told.store.servers.add(tcp.server)
        connection, messages = self.connection, self.messages
        assert connection and messages
        if len(connection.initial) < 2:
            begun = ((SIDES[one.side], one.begin) for one in tcp.directions)
            connection.initial = {name: at for name, at in begun if at is not None}
        for side, item in items:
            if event := messages.take(side, item):
                self._add(event, new)
        shaken = connection.late or connection.complete
        self.settled = negotiation.done and shaken and len(connection.initial) == 2
        return SHAKEN if shaken and tcp.rank == BEGUN else FOLLOW

    def _introduce(self, tcp: TCPConnection, new: New) -> bool:
        """Give a number to a connection that turned out to be ZMTP, and tell what was held.

        Returns False if there is no room for it.
        """
        store = self.told.store
        connection = Connection(0, *endpoint(tcp.client_key), late=tcp.late)
        if types := self._types(tcp):
            connection.client_type, connection.server_type = types
            connection.by_port = True
        if not store.begin(connection):
            return False
        self.connection, self.runs = connection, Runs()
        shown = KEPT if store.each else SHOWN
        self.messages = MessageAssembler(connection, self.told.expect, shown, store.whole)
        held, self.held = self.held, []
        for side, happened in held:
            if happened.kind == "gap":
                self._gap(side, happened, new)
            else:
                self._passed(tcp, side, happened, new)
        return True

    def _transport(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Tell what TCP did."""
        fate = FOLLOW
        if tcp.state == "closed" and happened.kind in ("fin", "rst"):
            fate = self._decide(tcp, new)
        if self.connection:
            self._passed(tcp, side, happened, new)
        elif len(self.held) < HELD:
            self.held.append((side, happened))
        return fate

    def _passed(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> None:
        connection = self.connection
        assert connection
        connection.retransmitted, connection.closed = tcp.retransmitted, tcp.state == "closed"
        if happened.kind in ("fin", "rst"):
            sides = (side,) if happened.kind == "fin" else (0, 1)
            before = len(new)
            self._unfinished(sides, happened.packet, happened.time, new)
            self.odd = self.odd or (len(new) > before and happened.kind == "fin")
        self._add(self._event(side, happened), new)

    def _event(self, side: int, happened: StreamEvent) -> Event:
        connection = self.connection
        assert connection
        sender = (connection.client, connection.server)[side]
        event = Event(happened.packet, happened.time, sender, happened.kind, size=happened.size)
        event.note = happened.note
        return event

    def _decide(self, tcp: TCPConnection, new: New) -> str:
        """Tell what is held back of a beginning that nothing more comes to decide."""
        if self.negotiation and not self.negotiation.done:
            return self._items(tcp, self.negotiation.end(), new)
        return FOLLOW

    def _gap(self, side: int, happened: StreamEvent, new: New) -> None:
        if self.connection:
            self.connection.missing += happened.size
            event = self._event(side, happened)
            event.note = "not in the capture"
            self._add(event, new)
        elif len(self.held) < HELD:
            self.held.append((side, happened))

    def _lose(self, side: int, happened: StreamEvent, new: New) -> None:
        """End the message that bytes are missing of, unless they are in the body of a frame."""
        negotiation, messages = self.negotiation, self.messages
        if messages and negotiation and negotiation.readers[side].state == "lost":
            self._unfinished((side,), happened.packet, happened.time, new)
            messages.lose(side)

    def _unfinished(self, sides: tuple[int, ...], number: int, time: float, new: New) -> None:
        for event in self._cut_off(sides, number, time):
            self._add(event, new)

    def _cut_off(self, sides: tuple[int, ...], number: int, time: float) -> Iterator[Event]:
        """Yield events for the messages of these sides whose end did not come until now."""
        messages, negotiation = self.messages, self.negotiation
        if not messages or not negotiation:
            return
        for side in sides:
            there, size = negotiation.readers[side].unfinished()
            before, frames = messages.unfinished(side)
            if not there + frames:
                continue
            said = "begin a ZMTP frame" + f" of {size:,} bytes" * bool(size)
            if frames:
                said = f"begin a message, {frames} of its ZMTP frames" + " and a part" * bool(there)
            event = Event(number, time, messages.senders[side], "gap", size=before + there)
            event.note = f"{said}, whose end is not in the capture"
            yield event

    def _add(self, event: Event, new: New) -> None:
        """Count an event, have it kept, and give it out."""
        connection = self.connection
        assert connection and self.runs
        if connection.late and not connection.counts and event.kind != "late":  # told first
            self._add(Event(event.packet, event.time, event.sender, "late"), new)
        if not event.first_packet:
            event.first_packet = event.packet
        connection.count(event)
        if self.told.store.each:
            connection.note_text(event)
        self.told.store.add(connection, event, self.runs)
        new.append((connection, event))
