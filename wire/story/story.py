"""From packets to a story: connections and events, while the packets come in.

How an output uses it (the model, Event and Connection, is in model.py):

    story = Story()                       # runs of like messages collapse, memory stays flat
    story = Story(each=True)              # every message is an event of its own
    for packet in packets(file):          # capture.files: number, time (ns), link, data, length
        new = story.feed(packet)          # (connection, event) completed, for a live output
    story.end()                           # what was still open
    story.connections, story.packets      # the whole
"""

from capture.packet import Packet
from safe import SHOWN
from story.messages import SIDES, MessageAssembler
from story.model import Connection, Event
from story.runs import Runs
from story.session import Session
from story.store import ConnectionStore
from tcp.assembler import BEGUN, Assembler, StreamEvents
from tcp.connection import SERVER, StreamEvent, TCPConnection
from tcp.segment import LINKS, Segment, Segments, endpoint
from zmtp.frames import KEPT, Item
from zmtp.greeting import Negotiation
from zmtp.patterns import PORTS, Ports

REFUSED = 1000  # pairs of client and server whose refused attempts are told
New = list[tuple[Connection, Event]]


class Story:
    """Reads packets one by one. `ports` are hints: port -> types of the client and the server.

    `each`: keep every event, and the lists of texts. `keep` false: keep no event at all (live).
    `expect`: the text that a request should be. What is kept has bounds: see store.py.
    """

    def __init__(
        self,
        each: bool = False,
        ports: Ports = PORTS,
        expect: str = "",
        keep: bool = True,
    ) -> None:
        self.each, self.ports, self.expect = each, ports, expect
        self.kept = ConnectionStore(each, keep)
        self.connections = self.kept.connections
        self.packets = 0
        self.start: int | None = None  # nanoseconds since 1970, of the first packet
        self.seconds = 0.0  # from the first packet to the last
        self.cut = 0  # packets cut by the snap length
        self.dropped = 0  # packets that whoever captured says to have lost
        self.links: set[int] = set()  # link types that cannot be read
        self.refused: dict[tuple[str, str], Session] = {}
        self.unheard = 0  # refused attempts of others than those that are told
        self.segments = Segments()
        self.segment: Segment | None = None  # of the packet that was fed last
        self.streams = Assembler(frozenset(ports))

    def feed(self, packet: Packet) -> New:
        """Return the events that this packet completes, each with its connection."""
        self.packets, time, link, data, length = packet
        if self.start is None:
            self.start = time
        self.seconds = (time - self.start) / 1e9
        if len(data) < length:
            self.cut += 1
        part = self.segment = self.segments.take(packet, self.seconds)
        if part is None:
            if link not in LINKS:
                self.links.add(link)
            return []
        pieces = self.streams.feed(part)
        new = self._tell(pieces) if pieces else []
        if self.streams.leaving:
            for flow, dropped in self.streams.left():
                self._gone(flow, dropped)
        return new

    def overdue(self, time: int) -> New:
        """Return what was held back too long by now, in nanoseconds since 1970, while none come."""
        if self.start is None:
            return []
        return self._tell(self.streams.overdue((time - self.start) / 1e9))

    def end(self) -> New:
        """Return what was held back for segments that the capture does not have."""
        new = self._tell(self.streams.end())
        for flow, _ in self.streams.left():
            if flow.data:
                self._finish(flow, flow.data, new)
        return new

    def _tell(self, pieces: StreamEvents) -> New:
        new: New = []
        for flow, side, piece in pieces:
            talk = flow.data
            if talk is None:
                if flow.ignored:
                    continue
                talk = flow.data = Session()
            kind, number, time, data, size = piece
            if kind not in ("data", "gap"):
                self._transport(flow, talk, side, piece, new)
                continue
            opening = talk.opening
            if not opening:
                opening = talk.opening = Negotiation(bool(self._types(flow)), flow.late)
            if kind == "data":
                known = talk.dialogue if opening.done and flow.rank != BEGUN else None
                if known and len(known.connection.initial) == 2:  # the usual packet
                    parser = opening.parsers[side]
                    for item in parser.feed(data, number, time):
                        if event := known.take(side, item):
                            self._add(talk, event, new)
                    continue
                items = opening.feed(side, data, number, time)
            else:
                items = opening.skip(side, size, number, time)
                self._gap(talk, side, piece, new)
            if items or not talk.connection:
                self._items(flow, talk, items, new)
        return new

    def _types(self, flow: TCPConnection) -> tuple[str, str] | None:
        return self.ports.get(int.from_bytes(flow.client_key[-2:]))

    def _items(
        self, flow: TCPConnection, talk: Session, items: list[tuple[int, Item]], new: New
    ) -> None:
        """Tell what was read of a connection, if it is ZMTP."""
        opening = talk.opening
        assert opening
        if not talk.connection:
            states = [parser.state for parser in opening.parsers]
            if not opening.zmtp and not {"frames", "old"} & set(states):
                if states == ["other", "other"]:
                    self.streams.ignore(flow)
                return
            if not self._introduce(flow, talk, new):
                return
            opening.zmtp = True
        connection, dialogue = talk.connection, talk.dialogue
        assert connection and dialogue
        if len(connection.initial) < 2:
            begun = ((SIDES[half.side], half.begin) for half in flow.halves)
            connection.initial = {name: at for name, at in begun if at is not None}
        for side, item in items:
            if event := dialogue.take(side, item):
                self._add(talk, event, new)
        if flow.rank == BEGUN and (connection.late or connection.complete):
            self.streams.keep(flow)

    def _introduce(self, flow: TCPConnection, talk: Session, new: New) -> bool:
        """Give a number to a connection that turned out to be ZMTP, and tell what was held.

        Returns False if there is no room for it.
        """
        connection = Connection(0, *endpoint(flow.client_key), late=flow.late)
        if types := self._types(flow):
            connection.client_type, connection.server_type = types
            connection.by_port = True
        if not self.kept.begin(connection):
            self.streams.ignore(flow)
            return False
        talk.connection, talk.runs = connection, Runs()
        talk.dialogue = MessageAssembler(connection, self.expect, KEPT if self.each else SHOWN)
        for side, piece in talk.held:
            if piece.kind == "gap":
                self._gap(talk, side, piece, new)
            else:
                self._passed(flow, talk, side, piece, new)
        talk.held = []
        return True

    def _transport(
        self, flow: TCPConnection, talk: Session, side: int, piece: StreamEvent, new: New
    ) -> None:
        """Tell what TCP did."""
        if flow.state == "closed" and piece.kind in ("fin", "rst"):
            self._decide(flow, talk, new)
        if piece.kind == "refused":
            if not self._types(flow):
                self.streams.ignore(flow)
                return
            known = (flow.client.rpartition(":")[0], flow.server)
            if known in self.refused:  # the same client tries again: one connection tells it
                talk = self.refused[known]
            elif len(self.refused) >= REFUSED:
                self.unheard += 1
                return
            else:
                talk.held = []
                if not self._introduce(flow, talk, new):
                    return
                self.refused[known] = talk
        if talk.connection:
            self._passed(flow, talk, side, piece, new)
        elif len(talk.held) < 10:
            talk.held.append((side, piece))

    def _passed(
        self, flow: TCPConnection, talk: Session, side: int, piece: StreamEvent, new: New
    ) -> None:
        connection = talk.connection
        assert connection
        sender = connection.server if side == SERVER else connection.client
        if flow.data is talk:
            connection.retransmitted, connection.closed = flow.retransmitted, flow.state == "closed"
            if piece.kind in ("fin", "rst"):
                sides = (side,) if piece.kind == "fin" else (0, 1)
                for event in talk.unfinished(sides, piece.number, piece.time):
                    self._add(talk, event, new)
        self._add(talk, Event(piece.number, piece.time, sender, piece.kind), new)

    def _decide(self, flow: TCPConnection, talk: Session, new: New) -> None:
        """Tell what is held back of a beginning that nothing more comes to decide."""
        if talk.opening and not talk.opening.done:
            self._items(flow, talk, talk.opening.end(), new)

    def _finish(self, flow: TCPConnection, talk: Session, new: New) -> None:
        """Tell what was held back of a connection of which no more comes."""
        self._decide(flow, talk, new)
        if talk.connection and talk.opening:
            talk.connection.retransmitted = flow.retransmitted
            if not talk.connection.closed:  # then that was told with its end
                for event in talk.unfinished((0, 1), self.packets, self.seconds):
                    self._add(talk, event, new)

    def _gone(self, flow: TCPConnection, dropped: bool) -> None:
        """Take down the last of a connection that is not followed any more."""
        talk: Session | None = flow.data
        if talk:
            self._finish(flow, talk, [])
            if talk.connection:
                talk.connection.closed = True
                talk.connection.lost = dropped
        flow.data = None

    def _gap(self, talk: Session, side: int, piece: StreamEvent, new: New) -> None:
        if connection := talk.connection:
            sender = (connection.client, connection.server)[side]
            event = Event(piece.number, piece.time, sender, "gap", size=piece.size)
            event.note = "not in the capture"
            self._add(talk, event, new)
        elif len(talk.held) < 10:
            talk.held.append((side, piece))

    def _add(self, talk: Session, event: Event, new: New) -> None:
        """Count an event, keep it unless it continues a run, and give it out."""
        connection = talk.connection
        assert connection and talk.runs
        if connection.late and not connection.counts and event.kind != "late":  # told first
            self._add(talk, Event(event.packet, event.time, event.sender, "late"), new)
        if not event.first_packet:
            event.first_packet = event.packet
        new.append((connection, event))
        self.kept.add(connection, event, talk.runs)
