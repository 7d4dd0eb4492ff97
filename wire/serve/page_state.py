"""The story as a page shows it: a whole to begin with, then what has changed.

    state = PageState(ports)
    state.feed(packet)            # a packet
    news = state.take()           # what has changed since this was last asked
    state.changes(news)           # the same for a page that knows the rest, ready for JSON
    state.whole()                 # what a page that knows nothing needs, in several pieces

What is drawn is bounded, however long it lasts; the counts are of all that passed.
"""

from collections import deque
from collections.abc import Iterator
from time import time_ns
from typing import NamedTuple

from capture.packet import Packet
from output.diagram import LEFT, RIGHT, WIDTH, title
from serve.page_json import (
    TOPICS,
    Change,
    ConnectionView,
    connection_of,
    drawn,
    event_of,
    passing_of,
    row_of,
    topic,
)
from story.model import KINDS, MESSAGES, PHASES, Connection, Event
from story.story import Story

CONNECTIONS = 200  # connections that are shown
ROOM = 20_000_000  # bytes, about, of their events
FIRST, LAST = 20, 100  # rows of a connection that are shown: the first and the last
LISTED, TOGETHER = 300, 20  # events of the list of everything: of a whole, of one change
PASSES = 60  # movements in one change
SECONDS = 60  # of the plot


class Listed(NamedTuple):
    """An event of the list of everything."""

    connection: Connection
    row: int
    step: int  # its number among all events
    event: Event


class Passing(NamedTuple):
    """Something that moves."""

    connection: int
    side: str  # that sends it
    event: Event
    many: int = 1  # like things that move as one


class News:
    """What has changed."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], bool] = {}  # connection, row -> whether it is new
        self.connections: set[int] = set()
        self.listed: deque[Listed] = deque(maxlen=TOGETHER)
        self.unlisted = 0  # events that are not listed, since they came too fast
        self.passes: list[Passing] = []
        self.bins: set[tuple[str, int]] = set()
        self.gone: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.rows or self.connections or self.gone)


class PageState:
    """Follows one capture, from a file or `live`. `ports`: hints, as Story has them."""

    def __init__(self, ports: dict[int, tuple[str, str]], live: bool = False) -> None:
        self.live = live
        self.story = Story(ports=ports, early=True)
        self.story.store.room = ROOM
        self.steps = 0  # events so far
        self.views: dict[int, ConnectionView] = {}
        self.totals: dict[str, int] = {}  # pattern -> messages
        self.rates: dict[str, dict[int, int]] = {}  # pattern -> second -> messages
        self.listed: deque[Listed] = deque(maxlen=LISTED)
        self.news = News()

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
        self.steps += 1
        number, news = connection.number, self.news
        view = self.views.get(number)
        if view is None:
            if number <= max(self.views, default=0):  # left out by now
                self.story.store.forget(connection)
                return self._count(connection, event)
            view = self.views[number] = ConnectionView(connection)
            self._forget()
        told = event.into or event
        at = view.rows.get(id(told))
        if at is None:
            at = view.rows[id(told)] = len(view.rows)
        news.rows[number, at] = news.rows.get((number, at), False) or told is event
        news.connections.add(number)
        listed = Listed(connection, at, self.steps, event)
        news.unlisted += len(news.listed) == TOGETHER
        news.listed.append(listed)
        self.listed.append(listed)
        side = "client" if event.sender == connection.client else "server"
        if event.kind in ("fin", "rst", "refused") and view.open:
            view.open, view.ended, view.how, view.ended_by = False, event.time, event.kind, side
        elif event.kind in MESSAGES:
            view.sent[side] += 1
            view.last[side] = event
            if event.kind == "request":
                view.asked.append(event.time)
            elif event.kind == "reply" and view.asked:
                view.asked.popleft()
        if (event.topic or event.kind == "subscribe") and len(view.topics) < TOPICS:
            view.topics.setdefault(topic(event))
        self._count(connection, event)
        self._pass(number, side, event)
        return None

    def _count(self, connection: Connection, event: Event) -> None:
        """Count a message, in all and for its second."""
        if event.kind in MESSAGES:
            pattern, second = connection.pattern, int(event.time)
            self.totals[pattern] = self.totals.get(pattern, 0) + 1
            bins = self.rates.setdefault(pattern, {})
            bins[second] = bins.get(second, 0) + 1
            self.news.bins.add((pattern, second))
            if len(bins) > 2 * SECONDS:
                for old in sorted(bins)[:-SECONDS]:
                    del bins[old]

    def _pass(self, number: int, side: str, event: Event) -> None:
        """Note that something moves; like things that follow one another move as one."""
        passes = self.news.passes
        if event.layer == "capture":
            return
        if KINDS[event.kind].look == "message":
            for at in range(len(passes) - 1, max(-1, len(passes) - 5), -1):
                last = passes[at]
                same = (last.connection, last.side, last.event.kind) == (number, side, event.kind)
                if same and last.event.topic == event.topic:
                    passes[at] = Passing(number, side, event, last.many + 1)
                    return
        if len(passes) < PASSES:
            passes.append(Passing(number, side, event))

    def _forget(self) -> None:
        """Leave out the oldest connection that is closed, else the oldest, for lack of room."""
        while len(self.views) > 1 and (len(self.views) > CONNECTIONS or self.story.store.room < 0):
            closed = (number for number, view in self.views.items() if not view.open)
            old = next(closed, next(iter(self.views)))
            self.story.store.forget(self.views.pop(old).connection)
            news = self.news
            news.rows = {key: new for key, new in news.rows.items() if key[0] != old}
            news.connections.discard(old)
            news.gone.append(old)
            left = [each for each in news.listed if each.connection.number != old]
            news.listed = deque(left, TOGETHER)
            self.listed = deque((e for e in self.listed if e.connection.number != old), LISTED)

    def take(self) -> News:
        """Return what has changed since this was last asked."""
        news, self.news = self.news, News()
        return news

    def changes(self, news: News) -> Change:
        """Return what has changed, in the language that is spoken."""
        change = self.state()
        change["connections"] = [
            connection_of(self.views[number]) for number in sorted(news.connections)
        ]
        change["rows"] = [
            row_of(self.views[number].connection, at, new)
            for (number, at), new in news.rows.items()
        ]
        change["events"] = [event_of(*each) for each in news.listed]
        if news.unlisted:
            at = news.listed[0].event.packet if news.listed else self.story.packets
            change["events"].insert(0, {"skipped": news.unlisted, "packet": at})
        change["passes"] = [passing_of(*each) for each in news.passes]
        change["gone"] = news.gone
        change["rates"] = [
            [pattern, second, self.rates[pattern].get(second, 0)]
            for pattern, second in sorted(news.bins)
        ]
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
            "left": story.store.count - len(self.views),
        }

    def whole(self) -> list[Change]:
        """Return all that is shown now: a beginning, then a piece for each connection."""
        begin = self.state() | {
            "reset": True,
            "start": (self.story.start or 0) / 1e9,
            "width": WIDTH,
            "lifelines": [LEFT, RIGHT],
            "titles": {phase: drawn(title(kind)) for phase, kind in PHASES.items()},
            "rates": [
                [pattern, second, count]
                for pattern, bins in self.rates.items()
                for second, count in bins.items()
            ],
            "events": [event_of(*each) for each in self.listed],
        }
        pieces = [begin]
        for view in self.views.values():
            count = len(view.rows)
            shown = [*range(min(FIRST, count)), *range(max(FIRST, count - LAST), count)]
            rows = [row_of(view.connection, at, True) for at in shown]
            pieces.append({"connections": [connection_of(view)], "rows": rows})
        return pieces
