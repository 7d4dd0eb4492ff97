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

from capture.packet import Packet
from story.losses import REFUSED, Losses
from story.model import New
from story.session import FOLLOW, IGNORE, Session, Told
from story.store import ConnectionStore
from tcp.assembler import Assembler, StreamEvents
from tcp.connection import StreamEvent, TCPConnection
from tcp.segment import LINKS, Segment, Segments
from zmtp.patterns import PORTS, Ports


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
        self.ports, self.expect = ports, expect
        self.store = ConnectionStore(each, keep)
        self.told = Told(self.store, ports, expect)
        self.connections = self.store.connections
        self.packets = 0
        self.start: int | None = None  # nanoseconds since 1970, of the first packet
        self.seconds = 0.0  # from the first packet to the last
        self.dropped = 0  # packets that the kernel dropped, for whoever captures to say
        self.cut = 0  # packets cut by the snap length
        self.links: dict[int, int] = {}  # link type that cannot be read -> packets
        self.refused: dict[tuple[str, str], Session] = {}
        self.unheard = 0  # refused attempts of others than those that are told
        self.segments = Segments()
        self.segment: Segment | None = None  # of the packet that was fed last
        self.assembler = Assembler(frozenset(ports))

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
            unheard=self.unheard,
            together=self.store.full,
        )

    def feed(self, packet: Packet) -> New:
        """Return the events that this packet completes, each with its connection."""
        self.packets, time, link, data, length = packet
        if self.start is None:
            self.start = time
        self.seconds = (time - self.start) / 1e9
        if len(data) < length:
            self.cut += 1
        segment = self.segment = self.segments.take(packet, self.seconds)
        if segment is None:
            if link not in LINKS:
                self.links[link] = self.links.get(link, 0) + 1
            return []
        happened = self.assembler.feed(segment)
        new = self._route(happened) if happened else []
        if self.assembler.leaving:
            for tcp, dropped in self.assembler.left():
                if session := tcp.data:
                    session.finish(tcp, self.packets, self.seconds, new)
                    session.leave(dropped)
                    tcp.data = None
        return new

    def end(self) -> New:
        """Return what was held back for segments that the capture does not have."""
        new = self._route(self.assembler.end())
        for tcp, _ in self.assembler.left():
            if tcp.data:
                tcp.data.finish(tcp, self.packets, self.seconds, new)
        return new

    def _route(self, found: StreamEvents) -> New:
        """Give what happened to the sessions of its connections."""
        new: New = []
        for tcp, side, happened in found:
            session = tcp.data
            if session is None:
                if tcp.ignored:
                    continue
                session = tcp.data = Session(self.told)
            if happened.kind == "refused":
                fate = self._refused(tcp, side, happened, new)
            else:
                fate = session.take(tcp, side, happened, new)
            if fate != FOLLOW:
                if fate == IGNORE:
                    self.assembler.ignore(tcp)
                else:
                    self.assembler.keep(tcp)
        return new

    def _refused(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Tell an attempt that was refused; those of a client at a server are one session."""
        if int.from_bytes(tcp.client_key[-2:]) not in self.ports:
            return IGNORE
        known = (tcp.client.rpartition(":")[0], tcp.server)
        session = self.refused.get(known)
        if session is None:
            if len(self.refused) >= REFUSED:
                self.unheard += 1
                return FOLLOW
            session = tcp.data
        fate = session.refuse(tcp, side, happened, new)
        if fate == FOLLOW:
            self.refused[known] = session
        return fate
