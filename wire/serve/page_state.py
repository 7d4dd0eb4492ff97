"""The story as a page shows it: a whole to begin with, then what has changed.

    lab = PageState(ports)
    lab.feed(packet)         # a packet
    lab.changes()            # what a page that knows the rest has to change, ready for JSON
    lab.whole()              # what a page that knows nothing needs, in several pieces

What is drawn is bounded, however long it lasts; the counts are of all that passed.
"""

from collections.abc import Iterator
from time import time_ns

from capture.packet import Packet
from output.diagram import WIDTH, phase, style, title
from output.hosts import roles
from serve.page_json import TEXT, TOPICS, Change, ConnectionView, connection_of, drawn, row_of, word
from story.model import MESSAGES, Connection, Event
from story.story import Story

CONNECTIONS = 200  # connections that are shown
ROOM = 20_000_000  # bytes, about, of their events
FIRST, LAST = 20, 100  # rows of a connection that are shown: the first and the last
PASSES = 60  # movements in one change
SECONDS = 60  # of the plot
PHASES = ("syn", "greeting", "request", "fin", "late")  # an event of each


class PageState:
    """Follows one capture, from a file or `live`. `ports`: hints, as Story has them."""

    def __init__(self, ports: dict[int, tuple[str, str]], live: bool = False) -> None:
        self.live = live
        self.story = Story(ports=ports)
        self.story.kept.room = ROOM
        self.views: dict[int, ConnectionView] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.totals: dict[str, int] = {}  # pattern -> messages
        self.rates: dict[str, dict[int, int]] = {}  # pattern -> second -> messages
        self._rows: dict[tuple[int, int], bool] = {}  # rows that changed; true: new
        self._connections: set[int] = set()
        self._passes: list[Change] = []
        self._bins: set[tuple[str, int]] = set()
        self._gone: list[int] = []

    def feed(self, packet: Packet) -> bool:
        """Read a packet; tell whether anything passed in it that the page shows."""
        return len(list(self.each(packet))) > 0

    def each(self, packet: Packet) -> Iterator[Event]:
        """Read a packet, and stop after each event in it, so that its changes can be taken."""
        for connection, event in self.story.feed(packet):
            self._take(connection, event)
            yield event

    def overdue(self, time: int) -> bool:
        """Read what waited too long by now (ns since 1970); tell whether there was anything."""
        new = self.story.overdue(time)
        for connection, event in new:
            self._take(connection, event)
        return bool(new)

    def end(self) -> None:
        """Read what waited for packets that the capture does not have."""
        for connection, event in self.story.end():
            self._take(connection, event)

    def _take(self, connection: Connection, event: Event) -> None:
        number = connection.number
        view = self.views.get(number)
        if view is None:
            if number <= max(self.views, default=0):  # left out by now
                self._clear(connection)
                return self._count(connection, event)
            view = self.views[number] = ConnectionView(connection)
            self._forget()
        told = event.into or event
        at = view.rows.get(id(told))
        if at is None:
            at = view.rows[id(told)] = len(view.rows)
        self._rows[number, at] = self._rows.get((number, at), False) or told is event
        self._connections.add(number)
        if event.kind in ("fin", "rst", "refused") and view.open:
            view.open, view.ended = False, event.time
            by = "client" if event.sender == connection.client else "server"
            view.ended_by = "refused" if event.kind == "refused" else by
        elif event.topic or event.kind == "subscribe":
            topic = event.topic or event.text
            if len(view.topics) < TOPICS:
                view.topics.setdefault(topic[:TEXT])
        if event.kind in ("syn", "ready", "greeting", "late", "refused"):
            self.names = roles(view.connection for view in self.views.values())
        self._count(connection, event)
        self._pass(connection, event)
        return None

    def _count(self, connection: Connection, event: Event) -> None:
        """Count a message, in all and for its second."""
        if event.kind in MESSAGES:
            pattern, second = connection.pattern, int(event.time)
            self.totals[pattern] = self.totals.get(pattern, 0) + 1
            bins = self.rates.setdefault(pattern, {})
            bins[second] = bins.get(second, 0) + 1
            self._bins.add((pattern, second))
            if len(bins) > 2 * SECONDS:
                for old in sorted(bins)[:-SECONDS]:
                    del bins[old]

    def _pass(self, connection: Connection, event: Event) -> None:
        """Note that something moves; like things that follow one another move as one."""
        if event.layer == "capture":
            return
        side = "client" if event.sender == connection.client else "server"
        look = style(event.kind)
        for last in reversed(self._passes[-4:]):
            where = (last["connection"], last["side"], last["look"])
            same = where == (connection.number, side, look)
            if same and look == "message" and last["topic"] == event.topic:
                last["count"] += 1
                last["text"] = word(event)
                return
        if len(self._passes) < PASSES:
            self._passes.append(
                {"connection": connection.number, "side": side, "look": look, "count": 1}
                | {"text": word(event), "topic": event.topic[:TEXT]}
            )

    def _forget(self) -> None:
        """Leave out the oldest connection that is closed, else the oldest, for lack of room."""
        while len(self.views) > 1 and (len(self.views) > CONNECTIONS or self.story.kept.room < 0):
            closed = (number for number, view in self.views.items() if not view.open)
            old = next(closed, next(iter(self.views)))
            self._clear(self.views.pop(old).connection)
            self._rows = {key: new for key, new in self._rows.items() if key[0] != old}
            self._connections.discard(old)
            self._gone.append(old)

    def _clear(self, connection: Connection) -> None:
        """Give up the events of a connection that is not shown any more."""
        connection.events.clear()
        self.story.kept.room += connection.weight
        connection.weight = 0

    def changes_waiting(self) -> Change | None:
        """Return what has changed, None if nothing has."""
        return self.changes() if self._rows or self._connections or self._gone else None

    def changes(self) -> Change:
        """Return what has changed since this was last asked."""
        change = self.state()
        change["connections"] = [
            connection_of(self.views[number], self.names) for number in sorted(self._connections)
        ]
        change["rows"] = [
            row_of(self.views[number].connection, at, new)
            for (number, at), new in self._rows.items()
        ]
        change["passes"], change["gone"] = self._passes, self._gone
        change["rates"] = [
            [pattern, second, self.rates[pattern].get(second, 0)]
            for pattern, second in sorted(self._bins)
        ]
        self._rows, self._connections = {}, set()
        self._passes, self._bins, self._gone = [], set(), []
        return change

    def state(self) -> Change:
        """Return the counts, and the time in seconds since the first packet."""
        story, seconds = self.story, self.story.seconds
        if self.live and story.start:
            seconds = max(seconds, (time_ns() - story.start) / 1e9)
        return {
            "packets": story.packets,
            "time": seconds,
            "totals": dict(self.totals),
            "left": story.kept.count - len(self.views),
        }

    def whole(self) -> list[Change]:
        """Return all that is shown now: a beginning, then a piece for each connection."""
        begin = self.state() | {
            "reset": True,
            "start": (self.story.start or 0) / 1e9,
            "width": WIDTH,
            "titles": {phase(kind)[0]: drawn(title(kind)) for kind in PHASES},
            "rates": [
                [pattern, second, count]
                for pattern, bins in self.rates.items()
                for second, count in bins.items()
            ],
        }
        pieces = [begin]
        for view in self.views.values():
            count = len(view.rows)
            shown = [*range(min(FIRST, count)), *range(max(FIRST, count - LAST), count)]
            rows = [row_of(view.connection, at, True) for at in shown]
            pieces.append({"connections": [connection_of(view, self.names)], "rows": rows})
        return pieces
