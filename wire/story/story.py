"""From packets to a story: connections and events, while the packets come in.

How an output uses it (the model, Event and Connection, is in model.py):

    story = Story()                       # runs of like messages collapse, memory stays flat
    story = Story(each=True)              # every message is an event of its own
    for packet in packets(file):          # capture.files: number, time (ns), link, data, length
        new = story.feed(packet)          # (connection, event) completed, for a live output
    story.end()                           # what was still open
    story.connections, story.packets      # the whole
    story.losses                          # what could not be told
"""

import os

from capture.packet import Packet
from story.losses import Losses
from story.model import New
from story.refusals import Refusals
from story.session import FOLLOW, IGNORE, Session
from story.store import ConnectionStore
from story.told import Told
from tcp.assembler import Assembler, StreamEvents
from tcp.connection import TCPConnection
from tcp.segment import LINKS, Segment, Segments
from zmtp.patterns import PORTS, Ports

STEP = 0.5  # seconds by which a packet is earlier than the one before only if the clock is set back


class Story:
    """Reads packets one by one. `ports` are hints: port -> types of the client and the server.

    `each`: keep every event, and the lists of texts. `keep` false: keep no event at all (live).
    `expect`: the text that a request should be. `whole`: bytes up to which Event.wire has the
    bodies of messages whole, at most frames.KEPT. `early`: a connection that should be ZMTP is
    told though a side waits for the other one's first word. `details`: keep what a page shows
    beside the lines, the first event of each kind and what each was read from (Event.wire). What
    is kept has bounds: see store.py; each event is in a file, if they are many: see spill.py.
    """

    def __init__(
        self,
        each: bool = False,
        ports: Ports = PORTS,
        expect: str = "",
        keep: bool = True,
        whole: int = 0,
        early: bool = False,
        details: bool = True,
    ) -> None:
        self.ports, self.expect = ports, expect
        self.store = ConnectionStore(each, keep, whole, details)
        self.waiting: dict[TCPConnection, float] = {}  # connections whose events wait, until when
        # Connections that nothing says yet to be ZMTP -> when to tell them all the same.
        self.opening: dict[TCPConnection, float] | None = {} if early else None
        expected = os.fsencode(expect)
        self.told = Told(self.store, ports, expected, self.waiting, {}, self.opening)
        self.connections = self.store.connections
        self.packets = 0
        self.start: int | None = None  # nanoseconds since 1970, of the first packet
        self.now = 0.0  # seconds from the first packet to the one that was fed last
        self.earliest = self.latest = 0.0  # of all, which are others where the clock is set
        self.back: tuple[int, float] | None = None  # where it was set back: packet, seconds
        self.dropped = 0  # packets that the kernel dropped, for whoever captures to say
        self.cut = 0  # packets cut by the snap length
        self.links: dict[int, int] = {}  # link type that cannot be read -> packets
        self.refusals = Refusals(self.told)
        self.segments = Segments()
        self.segment: Segment | None = None  # of the packet that was fed last
        self.assembler = Assembler(frozenset(ports))

    @property
    def seconds(self) -> float:
        """Return how long the capture lasts, from its earliest packet to its latest."""
        return self.latest - self.earliest

    @property
    def losses(self) -> Losses:
        """Return what could not be told until now."""
        return Losses(
            dropped=self.dropped,
            cut=self.cut,
            fragments=self.segments.fragments,
            links=self.links,
            unread=self.segments.unread,
            evicted=self.assembler.evicted,
            left_out=self.store.left_out,
            unheard=self.refusals.untold,
            together=self.store.full,
            back=self.back,
        )

    def feed(self, packet: Packet) -> New:
        """Return the events that this packet completes, each with its connection."""
        self.packets, time, link, data, length = packet
        if self.start is None:
            self.start = time
        now = (time - self.start) / 1e9
        if now > self.latest:
            self.latest = now
        elif now < self.now:
            self.earliest = min(self.earliest, now)
            if now < self.now - STEP and not self.back:
                self.back = self.packets, self.now - now
        self.now = now
        if len(data) < length:
            self.cut += 1
        segment = self.segment = self.segments.take(packet, now)
        if segment is None:
            if link not in LINKS:
                self.links[link] = self.links.get(link, 0) + 1
            return []
        new = self._wait_over(now) if self.waiting or self.opening else []
        if happened := self.assembler.feed(segment):
            self._route(happened, new)
        if self.assembler.leaving:
            for tcp, dropped in self.assembler.left():
                if session := tcp.data:
                    session.finish(tcp, new)
                    session.leave(dropped)
                    tcp.data = None
        return new

    def overdue(self, time: int) -> New:
        """Return what was held back too long by now (ns since 1970), while no packet comes."""
        if self.start is None:
            return []
        now = (time - self.start) / 1e9
        return self._route(self.assembler.wait_over(now), self._wait_over(now))

    def end(self) -> New:
        """Return what was held back for segments that the capture does not have."""
        new = self._route(self.assembler.end(), self._open(float("inf")))
        self.refusals.end(new)
        for tcp, _ in self.assembler.left():
            if tcp.data:
                tcp.data.finish(tcp, new)
        return new

    def _wait_over(self, now: float) -> New:
        """Return what has waited long enough by now for what is begun to go on."""
        now = max(now, self.assembler.clock)
        new = self._open(now)
        while self.waiting:
            tcp, due = next(iter(self.waiting.items()))
            if due > now:
                break
            tcp.data.wait_over(tcp, new)
        return new

    def _open(self, now: float) -> New:
        """Return what has happened of connections that should have said by now what they are."""
        new: New = []
        while self.opening:
            tcp, due = next(iter(self.opening.items()))
            if due > now:
                break
            del self.opening[tcp]
            if tcp.data:
                tcp.data.open(tcp, new)
        return new

    def _route(self, found: StreamEvents, new: New) -> New:
        """Give what happened to the sessions of its connections; return `new` with its events."""
        for tcp, side, happened in found:
            session = tcp.data
            if session is None:
                if tcp.ignored:
                    continue
                session = tcp.data = Session(self.told)
            if happened.kind == "refused":
                session.sequence.add(side, happened)
                fate = self.refusals.take(tcp, side, happened, new)
            else:
                fate = session.take(tcp, side, happened, new)
            if fate != FOLLOW:
                if fate == IGNORE:
                    self.assembler.ignore(tcp)
                else:
                    self.assembler.keep(tcp)
        return new
