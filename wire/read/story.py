"""From packets to a story: connections and events, while the packets come in.

How an output in tell/ uses it (the model, Event and Connection, is in events.py):

    story = Story()                       # runs of like messages collapse, memory stays flat
    story = Story(each=True)              # every message is an event of its own
    for record in frames.records(file):   # one packet: number, time (ns), link, data, length
        new = story.feed(record)          # (connection, event) completed, for a live output
    story.end()                           # what was still open
    story.connections, story.frames       # the whole
"""

from collections.abc import Callable

from read.dialogue import SIDES, Dialogue
from read.events import Connection, Event
from read.frames import LINKS, Fragment, Record, segment
from read.payload import SHOWN
from read.runs import Runs
from read.streams import SERVER, Flow, Piece, Pieces, Streams
from read.zmtp import KEPT, Parser

PORTS = {5555: ("REQ", "REP"), 12345: ("SUB", "PUB"), 9999: ("PULL", "PUSH")}  # client, server
WORDS = 1000  # first words of published messages that are counted apart
New = list[tuple[Connection, Event]]
# What looks on while a capture is read: at each packet, and at the end at None, with what feed()
# or end() returned.
Look = Callable[[Record | None, New], None]


class Talk:
    """What the story keeps for one TCP connection."""

    def __init__(self, flow: Flow, types: tuple[str, str] | None, expect: str, shown: int) -> None:
        self.connection = Connection(0, flow.client, flow.server, late=flow.late)
        if types:
            self.connection.client_type, self.connection.server_type = types
            self.connection.by_port = True
        self.dialogue = Dialogue(self.connection, expect, shown)
        self.parsers = [Parser(bool(types), not flow.late) for _ in flow.halves]
        self.held: list[Event] = []  # before it is known to be ZMTP
        self.runs = Runs()


class Story:
    """Reads packets one by one. `ports` are hints: port -> types of the client and the server.

    `each`: keep every event, and the lists of texts. `keep` false: keep no event at all (live).
    `expect`: the text that a request should be.
    """

    def __init__(
        self,
        each: bool = False,
        ports: dict[int, tuple[str, str]] = PORTS,
        expect: str = "",
        keep: bool = True,
    ) -> None:
        self.each, self.ports, self.expect, self.keep = each, ports, expect, keep
        self.connections: list[Connection] = []
        self.frames = 0
        self.start: int | None = None  # nanoseconds since 1970, of the first packet
        self.seconds = 0.0  # from the first packet to the last
        self.cut = 0  # packets cut by the snap length
        self.fragments = 0  # later parts of fragmented IP packets, which are not put together
        self.links: set[int] = set()  # link types that cannot be read
        self.refused: dict[tuple[str, str], Talk] = {}
        self.streams = Streams(frozenset(ports))

    def feed(self, record: Record) -> New:
        """Return the events that this packet completes, each with its connection."""
        self.frames = record.number
        if self.start is None:
            self.start = record.time
        self.seconds = (record.time - self.start) / 1e9
        if len(record.data) < record.length:
            self.cut += 1
        part = segment(record)
        if part is None:
            if record.link not in LINKS:
                self.links.add(record.link)
        elif isinstance(part, Fragment):
            self.fragments += 1
        elif pieces := self.streams.feed(part):
            return self._tell(pieces)
        return []

    def end(self) -> New:
        """Return what was held back for segments that the capture does not have."""
        new = self._tell(self.streams.end())
        for half in self.streams.halves.values():
            if half.flow.data:
                half.flow.data.connection.retransmitted = half.flow.retransmitted
        return new

    def _tell(self, pieces: Pieces) -> New:
        new: New = []
        for flow, side, piece in pieces:
            talk = flow.data
            if talk is None:
                talk = flow.data = self._begin(flow)
            time = (piece.time - (self.start or 0)) / 1e9
            if piece.kind == "data":
                items = talk.parsers[side].feed(piece.data, piece.number, piece.time)
            elif piece.kind == "gap":
                items = talk.parsers[side].skip(piece.size, piece.number, piece.time)
                self._gap(talk, side, piece, time, new)
            else:
                self._transport(flow, side, piece, time, new)
                continue
            if not talk.connection.number:
                if not any(p.state in ("frames", "old") for p in talk.parsers):
                    if all(p.state == "other" for p in talk.parsers):
                        flow.ignored = True
                    continue
                self._introduce(flow, talk, new)
            for item in items:
                at = time if item.time == piece.time else (item.time - (self.start or 0)) / 1e9
                event = talk.dialogue.take(side, item, at)
                if event:
                    if len(talk.connection.initial) < 2:
                        begun = ((SIDES[h.side], h.begin) for h in flow.halves)
                        talk.connection.initial = {s: at for s, at in begun if at is not None}
                    self._add(talk, event, new)
        return new

    def _begin(self, flow: Flow) -> Talk:
        types = self.ports.get(int(flow.server.rpartition(":")[2]))
        return Talk(flow, types, self.expect, KEPT if self.each else SHOWN)

    def _introduce(self, flow: Flow, talk: Talk, new: New) -> None:
        """Give a number to a connection that turned out to be ZMTP, and tell what was held."""
        connection = talk.connection
        self.connections.append(connection)
        connection.number = len(self.connections)
        flow.kept = True
        for parser in talk.parsers:
            parser.guess = True
            if parser.state == "other":
                parser.state = "lost"
        for event in talk.held:
            self._add(talk, event, new)
        talk.held.clear()

    def _transport(self, flow: Flow, side: int, piece: Piece, time: float, new: New) -> None:
        """Tell what TCP did."""
        talk: Talk = flow.data
        sender = flow.server if side == SERVER else flow.client
        event = Event(piece.number, time, sender, piece.kind)
        if piece.kind == "refused":
            if not talk.connection.by_port:
                flow.ignored = True
                return
            known = (flow.client.rpartition(":")[0], flow.server)
            if known in self.refused:  # the same client tries again: one connection tells it
                talk = self.refused[known]
            elif len(self.refused) < WORDS:
                self.refused[known] = talk
                talk.held.clear()
                self._introduce(flow, talk, new)
            event.sender = talk.connection.server
        if talk.connection.number:
            talk.connection.retransmitted = flow.retransmitted
            self._add(talk, event, new)
        elif len(talk.held) < 10:
            talk.held.append(event)

    def _gap(self, talk: Talk, side: int, piece: Piece, time: float, new: New) -> None:
        connection = talk.connection
        connection.missing += piece.size
        sender = connection.server if side == SERVER else connection.client
        event = Event(piece.number, time, sender, "gap", size=piece.size)
        event.note = "not in the capture"
        if connection.number:
            self._add(talk, event, new)
        elif len(talk.held) < 10:
            talk.held.append(event)

    def _add(self, talk: Talk, event: Event, new: New) -> None:
        """Count an event, and keep it unless it continues a run."""
        connection, kind = talk.connection, event.kind
        if connection.late and "late" not in connection.counts:
            connection.counts["late"] = 0  # told first
            self._add(talk, Event(event.frame, event.time, event.sender, "late"), new)
        if not event.begin:
            event.begin = event.frame
        connection.counts[kind] = connection.counts.get(kind, 0) + 1
        if kind not in connection.firsts or kind in ("greeting", "ready", "initiate"):
            connection.firsts.setdefault(kind, event)
            side = "client" if event.sender == connection.client else "server"
            connection.firsts.setdefault(f"{kind} {side}", event)
        if kind in ("syn", "syn-ack", "ack"):
            connection.handshakes.add(kind)
        elif kind == "published":
            self._published(connection, event)
        if self.each:
            if kind == "request":
                connection.requests.append(event.text)
            elif kind == "reply":
                connection.replies.append(event.text)
            elif kind == "job" and event.value is not None:
                connection.jobs.append(event.value)
        new.append((connection, event))
        if self.keep and not self.each:
            event.into = talk.runs.take(event, len(connection.events))
        if self.each or (self.keep and not event.into):
            connection.events.append(event)

    @staticmethod
    def _published(connection: Connection, event: Event) -> None:
        word, words = event.text.split(" ", 1)[0], connection.published
        if word not in words and len(words) >= WORDS:
            word = "…"
        words[word] = words.get(word, 0) + 1
        if any(event.text.startswith(topic) for topic in connection.subscriptions):
            connection.matched += 1
