"""What a capture tells: connections, and in each the events in the order of the stream.

This is the model that every output reads (text, check, JSON, HTML page, pcapng). Nothing in it
knows about packets or files. All its texts are safe to show: control characters, escape
sequences, bidi overrides and bytes that are not UTF-8 are written as escapes such as \\x1b.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from zmtp.frames import Frame, Greeting
from zmtp.patterns import pattern

if TYPE_CHECKING:
    from story.spill import Spilled


class Kind(NamedTuple):
    """What every output needs to know of a kind of event, but its words (output/words.py)."""

    layer: str  # "TCP", "ZMTP" or "capture": handshakes exist in two, which is easily mixed up
    phase: str  # the part of a conversation that it belongs to
    look: str  # of its arrow: "tcp", "zmtp", "message", "missing" or "bad"
    run: str = ""  # like events of one such group collapse, and may alternate; "": never
    message: bool = False  # what a program sent, and not what ZeroMQ says for it
    by_side: bool = False  # the first of the client and the first of the server are kept


OPEN, CLOSE, SHAKE, TALK, LACK = "tcp-opens", "tcp-closes", "zmtp", "message", "missing"
# A new kind of event is a line here, and its words.
KINDS = {
    # the connection under ZMTP
    "syn": Kind("TCP", OPEN, "tcp"),  # asks for a connection
    "syn-ack": Kind("TCP", OPEN, "tcp"),  # accepts it
    "ack": Kind("TCP", OPEN, "tcp"),  # the connection is open
    "refused": Kind("TCP", OPEN, "bad", "refused"),  # RST for a SYN: no one listens on that port
    "fin": Kind("TCP", CLOSE, "tcp"),  # this side sends no more
    "rst": Kind("TCP", CLOSE, "bad"),  # this side breaks the connection off
    "ignored": Kind("TCP", TALK, "bad"),  # from nowhere: it does not count; note
    "differs": Kind("TCP", TALK, "bad"),  # sent again, with other bytes; size: how many are others
    # the handshake of ZMTP
    "greeting": Kind("ZMTP", SHAKE, "zmtp", by_side=True),  # version, mechanism, as_server
    "identity": Kind("ZMTP", SHAKE, "zmtp"),  # ZMTP 1.0 and 2.0 name themselves in a frame (text)
    "hello": Kind("ZMTP", SHAKE, "zmtp"),  # PLAIN and CURVE
    "welcome": Kind("ZMTP", SHAKE, "zmtp"),
    "initiate": Kind("ZMTP", SHAKE, "zmtp", by_side=True),
    "ready": Kind("ZMTP", SHAKE, "zmtp", by_side=True),  # socket_type, identity, metadata
    "error": Kind("ZMTP", SHAKE, "bad"),  # the handshake is refused, text is the reason
    # what a side has begun and not gone on with; size: bytes that came, whole: that it would have
    "greeting-begun": Kind("ZMTP", SHAKE, "bad"),
    "command-begun": Kind("ZMTP", SHAKE, "bad"),
    "message-begun": Kind("ZMTP", TALK, "bad"),  # frames: those that came whole
    # what passes afterwards
    "subscribe": Kind("ZMTP", TALK, "message", "subscribe"),  # text is the topic
    "cancel": Kind("ZMTP", TALK, "message", "cancel"),  # text is the topic
    "join": Kind("ZMTP", TALK, "message", "join"),  # text is the group (RFC 48)
    "leave": Kind("ZMTP", TALK, "message", "leave"),  # text is the group
    "request": Kind("ZMTP", TALK, "message", "exchange", message=True),
    "reply": Kind("ZMTP", TALK, "message", "exchange", message=True),  # round_trip
    "published": Kind("ZMTP", TALK, "message", "published", message=True),  # topic: the first word
    "job": Kind("ZMTP", TALK, "message", "job", message=True),  # value, if it is a pickled int
    "message": Kind("ZMTP", TALK, "message", "message", message=True),  # of any other two types
    "encrypted": Kind("ZMTP", TALK, "message", "encrypted"),  # CURVE: the size of a frame
    "ping": Kind("ZMTP", TALK, "zmtp", "beat"),  # text is the time to live and the context
    "pong": Kind("ZMTP", TALK, "zmtp", "beat"),
    "command": Kind("ZMTP", TALK, "zmtp", "command"),  # one that the specifications do not name
    # what the capture lacks
    "late": Kind("capture", LACK, "missing"),  # the connection was begun before the capture
    "gap": Kind("capture", LACK, "missing", "gap"),  # size: bytes that are not in the capture
}
MESSAGES = tuple(name for name, kind in KINDS.items() if kind.message)
PHASES = {kind.phase: name for name, kind in KINDS.items()}  # phase -> a kind of event in it
# The first of these is kept of each side, the client's and the server's.
BY_SIDE = {name: (f"{name} client", f"{name} server") for name in KINDS if KINDS[name].by_side}
WORDS = 1000  # first words of published messages that are counted apart
WHOLE = frozenset(("greeting client", "greeting server", "done client", "done server"))


class MessageFrame(NamedTuple):
    """One ZMTP frame of a message."""

    packet: int  # the number that Wireshark gives the packet with its last byte
    role: str  # "delimiter" (the empty frame of REQ-REP), "envelope" (before it) or "body"
    text: str
    size: int  # bytes of its body, as the frame states them


@dataclass(slots=True)
class Event:
    """One thing that passed, or with count > 1 a run of like things collapsed into one."""

    packet: int  # Wireshark's number of the packet that completes it; of a run: of its first
    time: float  # seconds since the first packet of the capture; of a run: of its first
    sender: str  # "ip:port", an IPv6 address in brackets
    kind: str  # a key of KINDS
    text: str = ""  # what it says, without the quotes; of several frames joined by " | "
    size: int = 0  # bytes of the bodies of its ZMTP frames, as sent; of a run: of all of them
    first_packet: int = (
        0  # the packet with its first byte; the same as packet, unless it was cut up
    )
    parts: Sequence[MessageFrame] = ()  # of a message: its ZMTP frames
    frames: int = 0  # of a message: how many ZMTP frames it has, if those in parts are not all
    whole: int = 0  # of a greeting or frame that was begun: bytes that it would have, 0: not known
    topic: str = ""  # published: the first word
    value: int | None = None  # job: the pickled int
    exchange: int = 0  # request, and the reply to it if that is known: the same number, from 1 on
    round_trip: float | None = None  # reply: seconds since its request; of a run: the mean
    version: str = ""  # greeting: "3.1"
    mechanism: str = ""  # greeting: "NULL", "PLAIN", "CURVE"
    as_server: bool = False  # greeting
    socket_type: str = ""  # ready (and initiate of PLAIN): "REQ"
    identity: str = ""  # ready
    metadata: Sequence[tuple[str, str]] = ()  # ready: name and value of every other property
    note: str = ""  # what is unusual or missing about it, in words
    wire: Sequence[Greeting | Frame] = ()  # what it was read from, long bodies shortened
    into: "Event | None" = None  # the run that it continues, if it is not an event of its own
    # a run of like messages
    count: int = 1
    last_packet: int = 0  # of a run: the packet that completes its last; 0 if count is 1
    last_time: float = 0.0  # of a run: seconds since the first packet of the capture
    last_text: str = ""  # of a run: the text of its last
    texts: Sequence[str] = ()  # of a run: the first few texts
    same: bool = True  # of a run: all its texts are the same
    alike: bool = True  # of a run: what else the first says holds for all
    noted: int = 0  # of a run: how many have a note, if not all have the same
    timed: int = 0  # of a run: how many have a round trip

    @property
    def layer(self) -> str:
        """Return "TCP", "ZMTP" or "capture"."""
        return KINDS[self.kind].layer

    @property
    def rate(self) -> float:
        """Return how many a second came in a run, 0 if that cannot be said."""
        span = self.last_time - self.time
        return (self.count - 1) / span if self.count > 1 and span > 0 else 0.0


@dataclass(slots=True)
class Connection:
    """One TCP connection that carries ZMTP, or attempts at one that were refused.

    `client` is the side that connected, whatever its socket type.
    """

    number: int  # 1, 2, … in the order of the capture
    client: str  # "ip:port"
    server: str
    client_type: str = ""  # "REQ", …; "" if not known
    server_type: str = ""
    by_port: bool = False  # the types are taken from the port, not from READY
    version: str = ""  # "3.1", of the older side
    mechanism: str = ""
    handshakes: set[str] = field(default_factory=set)  # "greeting client", "done server", …
    late: bool = False  # begun before the capture
    # In the order of the stream. Where each is kept, this and the three lists are not in memory.
    events: "list[Event] | Spilled[Event]" = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # kind -> how many, runs counted in full
    # kind -> the first of it, also "greeting client", "ready server", … by the side that sent it
    firsts: dict[str, Event] = field(default_factory=dict)
    keeps_firsts: bool = True  # else that remains empty
    subscriptions: list[str] = field(default_factory=list)  # topics, also those cancelled later
    published: dict[str, int] = field(default_factory=dict)  # first word -> messages
    matched: int = 0  # published messages under a subscribed topic
    expected: Event | None = None  # the first request that holds the text asked for
    # These three only if each is kept.
    requests: "list[str] | Spilled[str]" = field(default_factory=list)
    replies: "list[str] | Spilled[str]" = field(default_factory=list)
    jobs: "list[int] | Spilled[int]" = field(default_factory=list)
    # side -> TCP sequence number of the first byte that was seen, one above that of its SYN
    initial: dict[str, int] = field(default_factory=dict)
    retransmitted: int = 0  # segments that brought nothing new
    missing: int = 0  # bytes of its TCP streams that are not in the capture
    guess: bool = False  # by its port it is ZMTP; nothing proves it, and not all of it reads so
    closed: bool = False  # both sides have closed it, or it was lost sight of
    lost: bool = False  # there were too many connections: what it carried later is not told
    weight: int = 0  # bytes, about, that its events take

    @property
    def pattern(self) -> str:
        """Return "REQ-REP", "PUB-SUB", "PUSH-PULL", any other pair of types, or "unknown"."""
        return pattern(self.client_type, self.server_type)

    @property
    def refused(self) -> bool:
        """Tell whether it never came to be: there are only attempts that were refused."""
        return set(self.counts) == {"refused"}

    @property
    def complete(self) -> bool:
        """Tell whether the whole ZMTP handshake is in the capture, of both sides."""
        return self.handshakes >= WHOLE

    def count(self, event: Event) -> None:
        """Count an event of this connection, and keep the first of its kind."""
        kind, counts = event.kind, self.counts
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        if self.keeps_firsts:
            if not count:
                self.firsts[kind] = event
            if kind in BY_SIDE:
                self.firsts.setdefault(BY_SIDE[kind][event.sender != self.client], event)
        if kind == "published":
            word, words = event.text.split(" ", 1)[0], self.published
            if word not in words and len(words) >= WORDS:
                word = "…"
            words[word] = words.get(word, 0) + 1
            if any(event.text.startswith(topic) for topic in self.subscriptions):
                self.matched += 1

    def note_text(self, event: Event) -> None:
        """Add what a message says to the lists of texts."""
        if event.kind == "request":
            self.requests.append(event.text)
        elif event.kind == "reply":
            self.replies.append(event.text)
        elif event.kind == "job" and event.value is not None:
            self.jobs.append(event.value)

    def role(self, sender: str) -> str:
        """Return the socket type of a side ("REQ"), or "client" or "server" if not known."""
        if sender == self.client:
            return self.client_type or "client"
        return self.server_type or "server"

    def peer(self, sender: str) -> str:
        """Return the address of the other side."""
        return self.server if sender == self.client else self.client


New = list[tuple[Connection, Event]]  # what a packet completes
