"""What is kept of a story: its connections and their events, within bounds.

A class, or hours of a live view, fit many times over. What is beyond a bound is counted, and
said: nothing is left out in silence.
"""

from story.model import KINDS, Connection, Event
from story.runs import TOLD, Runs

CONNECTIONS = 12_000  # that are kept
ROOM = 60_000_000  # bytes, about, of the events that are kept one by one
BASE, LETTER, PART = 500, 4, 150  # bytes, about: of an event, of a letter of it, of a ZMTP frame
BY_SIDE = {kind: (f"{kind} client", f"{kind} server") for kind in KINDS if KINDS[kind].by_side}
WORDS = 1000  # first words of published messages that are counted apart


class ConnectionStore:
    """The connections of a story. `each`: no event is put into a run, and ROOM does not count."""

    def __init__(self, each: bool, keep: bool) -> None:
        self.each, self.keep = each, keep
        self.connections: list[Connection] = []
        self.count = 0  # connections, with those that are not kept
        self.later = 0  # connections until it is looked again which can go
        self.past: dict[str, int] = {}  # pattern -> connections that are not kept
        self.full = 0  # the packet from which on like messages are told together; 0: none
        self.room = ROOM

    def begin(self, connection: Connection) -> bool:
        """Number a new connection, and tell whether there is room for it."""
        if len(self.connections) >= CONNECTIONS and self.count >= self.later:
            self._shed()
            self.later = self.count + CONNECTIONS // 8  # looking through all costs time
        self.count += 1
        if len(self.connections) >= CONNECTIONS:
            self._leave_out(connection)
            return False
        connection.number = self.count
        self.connections.append(connection)
        return True

    def _shed(self) -> None:
        """Make room: those that closed first go, those still open stay."""
        many = CONNECTIONS // 8
        kept = []
        for connection in self.connections:
            if connection.closed and many:
                many -= 1
                self.room += connection.weight
                self._leave_out(connection)
            else:
                kept.append(connection)
        self.connections[:] = kept

    def _leave_out(self, connection: Connection) -> None:
        self.past[connection.pattern] = self.past.get(connection.pattern, 0) + 1

    def add(self, connection: Connection, event: Event, runs: Runs) -> None:
        """Count an event, and keep it unless it continues a run."""
        kind, counts = event.kind, connection.counts
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        if not count:
            connection.firsts[kind] = event
        if kind in BY_SIDE:
            side = BY_SIDE[kind][event.sender != connection.client]
            connection.firsts.setdefault(side, event)
        elif kind == "published":
            _published(connection, event)
        if self.each:
            if kind == "request":
                connection.requests.append(event.text)
            elif kind == "reply":
                connection.replies.append(event.text)
            elif kind == "job" and event.value is not None:
                connection.jobs.append(event.value)
            connection.events.append(event)
        elif self.keep:
            events = connection.events
            if run := runs.take(event, len(events) if self.room > 0 else TOLD):
                event.into = run
                if self.room <= 0 and not self.full:
                    self.full = event.packet
            else:
                events.append(event)
                weight = BASE + LETTER * len(event.text) + PART * len(event.parts)
                connection.weight += weight
                self.room -= weight


def _published(connection: Connection, event: Event) -> None:
    word, words = event.text.split(" ", 1)[0], connection.published
    if word not in words and len(words) >= WORDS:
        word = "…"
    words[word] = words.get(word, 0) + 1
    if any(event.text.startswith(topic) for topic in connection.subscriptions):
        connection.matched += 1
