"""What is kept of a story: its connections and their events, within bounds.

A class, or hours of a live view, fit many times over. What is beyond a bound is counted, and
said: nothing is left out in silence.
"""

from typing import TYPE_CHECKING

from story.losses import CONNECTIONS
from story.model import Connection, Event
from story.runs import TOLD, Runs

if TYPE_CHECKING:
    from story.spill import Spill

ROOM = 60_000_000  # bytes, about, of the events that are kept one by one
BASE, LETTER, PART = 500, 4, 150  # bytes, about: of an event, of a letter of it, of a ZMTP frame


class ConnectionStore:
    """The connections of a story. `each`: no event is put into a run, all go to a Spill.

    `whole`: bytes up to which bodies are whole. `details`: see story.py.
    """

    def __init__(self, each: bool, keep: bool, whole: int = 0, details: bool = True) -> None:
        self.each, self.keep, self.whole, self.details = each, keep, whole, details
        self.connections: list[Connection] = []
        self.count = 0  # connections, with those that are not kept
        self.attempts = 0  # those among them that are refused attempts
        self.guesses = 0  # and those that the port alone says are ZMTP
        self.servers: set[str] = set()  # "ip:port" where ZMTP was seen
        self.later = 0  # connections until it is looked again which can go
        self.left_out: dict[str, int] = {}  # pattern -> connections that are not kept
        self.full = 0  # the packet from which on like messages are told together; 0: none
        self.room = ROOM
        self.spill = _spill() if each else None

    def begin(self, connection: Connection) -> bool:
        """Number a new connection, and tell whether there is room for it."""
        if len(self.connections) >= CONNECTIONS and self.count >= self.later:
            self._shed()
            self.later = self.count + CONNECTIONS // 8  # looking through all costs time
        self.count += 1
        if len(self.connections) >= CONNECTIONS:
            self._leave_out(connection)
            return False
        connection.number, connection.keeps_firsts = self.count, self.details
        if spill := self.spill:
            connection.events = spill.events()
            connection.requests, connection.replies = spill.plain(), spill.plain()
            connection.jobs = spill.plain()
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
        self.left_out[connection.pattern] = self.left_out.get(connection.pattern, 0) + 1

    def add(self, connection: Connection, event: Event, runs: Runs) -> None:
        """Keep an event, unless it continues a run."""
        events, spill = connection.events, self.spill
        if not spill:
            if not self.keep:
                return
            if run := runs.take(event, len(events) if self.room > 0 else TOLD):
                event.into = run
                if self.room <= 0 and not self.full:
                    self.full = event.packet
                return
        if not self.details:
            event.wire = ()
        events.append(event)
        weight = BASE + LETTER * len(event.text) + PART * len(event.parts)
        if spill:
            connection.note_text(event)
            spill.weigh(weight)
        else:
            if self.whole:
                weight += min(event.size, self.whole)
            connection.weight += weight
            self.room -= weight

    def forget(self, connection: Connection) -> None:
        """Give up the events of a connection, and have room for others."""
        connection.events = []
        self.room += connection.weight
        connection.weight = 0


def _spill() -> "Spill":
    from story.spill import Spill  # of no use to a story whose runs collapse

    return Spill()
