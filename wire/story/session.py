"""One TCP connection as the story knows it: from what TCP gives to events.

    session = Session(story)
    fate = session.take(tcp, side, happened, new)   # appends (connection, event) to new

A session owns its connection of the model: it alone writes into it, with its MessageAssembler.
What comes before it is known whether the connection carries ZMTP is held back.
"""

from safe import SHOWN
from story.begun import begun, lost
from story.messages import ABSENT, SIDES, MessageAssembler
from story.model import Connection, Event, New
from story.runs import Runs
from story.sequence import MOST, SECONDS, Sequence
from story.told import Told
from tcp.assembler import BEGUN
from tcp.connection import StreamEvent, TCPConnection
from tcp.segment import endpoint
from zmtp.frames import KEPT, Item
from zmtp.greeting import Negotiation

OPENING = 0.3  # seconds after which a connection that may be ZMTP is told, where that is asked for
make = tuple.__new__  # makes a NamedTuple in a third of the time
FOLLOW, IGNORE, SHAKEN = "", "ignore", "shaken"  # what becomes of a TCP connection


class Session:
    """What the story keeps for one TCP connection; the most of it once data came."""

    __slots__ = (
        *("connection", "known", "messages", "negotiation", "odd", "runs", "sequence"),
        *("settled", "told"),
    )

    def __init__(self, told: Told) -> None:
        self.told = told
        self.sequence = Sequence()
        self.connection: Connection | None = None  # once it is known to be ZMTP, or told before
        self.known = False
        self.negotiation: Negotiation | None = None
        self.messages: MessageAssembler | None = None
        self.runs: Runs | None = None
        self.odd = False  # a side closed in the middle of a frame
        self.settled = False  # no more is to be decided: what comes are frames

    def take(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Take what happened, and return what becomes of the TCP connection.

        That is FOLLOW, IGNORE (no ZMTP, or no room for it) or SHAKEN (its handshakes are over).
        """
        kind, number, time, data, _, _ = happened
        sequence = self.sequence
        if self.settled and kind == "data" and not (sequence.entries or sequence.begun[1 - side]):
            reader, messages = self.negotiation.readers[side], self.messages  # type: ignore[union-attr]
            for item in reader.feed(data, number, time):  # the usual packet
                if event := messages.take(side, item):  # type: ignore[union-attr]
                    self._add(event, new)
            under_way = reader.in_body or reader.rest or messages.pending[side].frames  # type: ignore[union-attr]
            sequence.begun[side] = happened if under_way else None
            return FOLLOW if tcp.rank != BEGUN else self._shaken(tcp)
        if kind not in ("data", "gap"):
            if self.settled and sequence.idle:
                self._passed(tcp, side, happened, new)
                return FOLLOW
            sequence.add(side, happened)
            fate = FOLLOW
            if kind in ("fin", "rst"):
                sides = (0, 1) if kind == "rst" or tcp.state == "closed" else (side,)
                fate = self._end(tcp, sides, new, kind == "fin")
            elif kind == "syn" and self.told.opening is not None and self.told.expected(tcp):
                self.told.opening[tcp] = time + OPENING
        else:
            mark = happened
            if not self.connection:
                mark = make(StreamEvent, (kind, number, time, b"", happened.size, ""))
            if kind == "gap" or not (self.connection and sequence.idle):
                sequence.add(side, mark)
            fate = self._stream(tcp, side, happened, mark, new)
        if sequence.entries or self.told.waiting:
            self._tell(tcp, new)
        return fate

    def refuse(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Take the refusal of an attempt, the first or another by the same client."""
        if not self.connection:
            if not self._introduce(tcp):
                return IGNORE
            assert self.connection
            self.told.store.attempts += 1
            self.connection.retransmitted, self.connection.closed = tcp.retransmitted, True
        self._add(_event(self.connection, side, happened), new)
        return FOLLOW

    def finish(self, tcp: TCPConnection, new: New) -> None:
        """Tell what was held back, since no more comes."""
        if not self.settled or not self.sequence.idle:
            self.sequence.recall()
            self._end(tcp, (0, 1), new)
            self._tell(tcp, new)
        connection = self.connection
        if not self.negotiation:
            self.told.note_bare(tcp, self.sequence)
        elif connection:
            connection.retransmitted = tcp.retransmitted
            connection.guess = self._guessed()
            self.told.store.guesses += connection.guess

    def wait_over(self, tcp: TCPConnection, new: New) -> None:
        """Tell what was begun first, and what waits behind it."""
        self._stop(self.sequence.entries[0][0])
        self._tell(tcp, new)

    def open(self, tcp: TCPConnection, new: New) -> None:
        """Tell what has happened until now, though nothing said that it is ZMTP."""
        if not self.connection and self._introduce(tcp):
            self._tell(tcp, new)

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

    def _stream(
        self, tcp: TCPConnection, side: int, happened: StreamEvent, mark: StreamEvent, new: New
    ) -> str:
        """Take bytes of a side, or that some are missing; `mark` stands for them."""
        kind, number, time, data, size, _ = happened
        negotiation, marks = self.negotiation, self.sequence.begun
        if not negotiation:
            guess = bool(self.told.types(tcp))
            negotiation = self.negotiation = Negotiation(guess, tcp.late)
        before, scrap = marks[side], b""
        if kind == "data":
            items = negotiation.feed(side, data, number, time)
        else:
            scrap = negotiation.readers[side].rest
            items = negotiation.skip(side, size, number, time)
        fate = self._items(tcp, items, new) if items or not self.connection else FOLLOW
        if kind == "gap" and self.messages and negotiation.readers[side].state == "lost":
            sender, pending = self.messages.senders[side], self.messages.pending[side]
            if event := lost(sender, pending, len(scrap), before or mark):
                self.sequence.place(side, event)
            pending.clear()
            self.messages.lose(side)
        marks[side] = mark
        for one, us in enumerate(negotiation.sides):
            if marks[one] and not us.open:
                under_way = self._under_way(one)
                marks[one] = (self.sequence.last(one) or mark) if under_way else None
        return fate

    def _under_way(self, side: int) -> bool:
        """Tell whether a side has begun something, and its greeting is decided."""
        negotiation, messages = self.negotiation, self.messages
        if not negotiation or not messages:
            return False
        return bool(negotiation.readers[side].begun() or messages.pending[side].frames)

    def _items(self, tcp: TCPConnection, items: list[tuple[int, Item]], new: New) -> str:
        """Take what was read, if it is ZMTP."""
        negotiation = self.negotiation
        assert negotiation
        if not self.known:
            states = [reader.state for reader in negotiation.readers]
            if not negotiation.zmtp and "frames" not in states:
                foreign = states == ["other", "other"] and not self.connection
                return IGNORE if foreign else FOLLOW
            if not self.connection and not self._introduce(tcp):
                return IGNORE
            self.known = True
            self.told.store.servers.add(self.connection.server)  # type: ignore[union-attr]
            negotiation.zmtp = True
        connection, messages = self.connection, self.messages
        assert connection and messages
        if len(connection.initial) < 2:
            for one in tcp.directions:
                if one.begin is not None:
                    connection.initial[SIDES[one.side]] = one.begin
        entries = self.sequence.entries
        for side, item in items:
            if event := messages.take(side, item):
                if entries:
                    self.sequence.place(side, event)
                else:
                    self._add(event, new)
        self.settled = negotiation.done and len(connection.initial) == 2
        return self._shaken(tcp)

    def _shaken(self, tcp: TCPConnection) -> str:
        """Return SHAKEN once the handshakes are over, and FOLLOW before and after."""
        connection = self.connection
        shaken = connection and (connection.late or connection.complete)
        return SHAKEN if shaken and tcp.rank == BEGUN else FOLLOW

    def _introduce(self, tcp: TCPConnection) -> bool:
        """Give a number to a connection that turned out to be ZMTP; False: there is no room."""
        store = self.told.store
        connection = Connection(0, *endpoint(tcp.client_key), late=tcp.late)
        if types := self.told.types(tcp):
            connection.client_type, connection.server_type = types
            connection.by_port = True
        if not store.begin(connection):
            return False
        self.connection, self.runs = connection, Runs()
        shown = KEPT if store.each else SHOWN
        self.messages = MessageAssembler(connection, self.told.expect, shown, store.whole)
        return True

    def _end(
        self, tcp: TCPConnection, sides: tuple[int, ...], new: New, closes: bool = False
    ) -> str:
        """Decide what these sides have begun, since they send no more; `closes`: by a FIN."""
        negotiation, fate = self.negotiation, FOLLOW
        if not negotiation:
            return fate
        if not negotiation.done:
            items = negotiation.end(*sides)
            fate = self._items(tcp, items, new)
        for side in sides:
            if not negotiation.sides[side].open:
                self.odd = self.odd or (closes and self._under_way(side))
                if self.sequence.begun[side]:
                    self._stop(side)
        return fate

    def _stop(self, side: int) -> None:
        """Say how far a side came with what it has begun, if that is not said yet."""
        sequence, messages, negotiation = self.sequence, self.messages, self.negotiation
        last = sequence.last(side)
        if last and messages and negotiation:
            sender, pending = messages.senders[side], messages.pending[side]
            if event := begun(sender, pending, negotiation.begun(side), last):
                sequence.place(side, event)
        sequence.begun[side] = None

    def _tell(self, tcp: TCPConnection, new: New) -> None:
        """Tell what waits for nothing, or is too much."""
        sequence, waiting = self.sequence, self.told.waiting
        if not self.connection:
            if len(sequence.entries) > MOST:
                del sequence.entries[MOST // 2]
            return
        entries, marks, ready = sequence.entries, sequence.begun, 0
        for side, what in entries:
            if what is marks[side]:
                break
            ready += 1
            if isinstance(what, Event):
                self._add(what, new)
            elif what.kind != "data":
                self._passed(tcp, side, what, new)
        del entries[:ready]
        if waiting:
            waiting.pop(tcp, None)
        if not entries:
            return
        since = sequence.since
        if len(entries) > MOST:
            self.wait_over(tcp, new)
        elif since is not None:
            waiting[tcp] = since + SECONDS
        elif self.negotiation and self.negotiation.done:
            entries.clear()

    def _passed(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> None:
        """Tell what TCP did, or that bytes are missing."""
        connection = self.connection
        assert connection
        connection.retransmitted, connection.closed = tcp.retransmitted, tcp.state == "closed"
        event = _event(connection, side, happened)
        if event.kind == "gap":
            connection.missing += event.size
            event.note = ABSENT
        self._add(event, new)

    def _add(self, event: Event, new: New) -> None:
        """Count an event, have it kept, and give it out."""
        connection, runs, store = self.connection, self.runs, self.told.store
        assert connection and runs
        if connection.late and not connection.counts and event.kind != "late":  # told first
            self._add(Event(event.packet, event.time, event.sender, "late"), new)
        if not event.first_packet:
            event.first_packet = event.packet
        connection.count(event)
        store.add(connection, event, runs)
        new.append((connection, event))


def _event(connection: Connection, side: int, happened: StreamEvent) -> Event:
    """Return the event of what TCP did, or of bytes that are missing."""
    sender = connection.server if side else connection.client
    kind, packet, time, _, size, note = happened
    return Event(packet, time, sender, kind, "", size, packet, note=note)
