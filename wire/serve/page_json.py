"""What a page is given of a connection, of an event and of what moves, ready for JSON."""

from collections import deque
from typing import Any

from output.diagram import Drawing, row, sides
from output.hosts import host, shorten
from output.language import _
from output.octets import octets
from output.text import heading
from output.words import direction, say, span, took
from story.model import KINDS, MESSAGES, Connection, Event

TEXT, WORD = 160, 60  # characters of what an event says, and of a text that moves
TOPICS = 50  # topics of a connection that can be picked out
Change = dict[str, Any]


class ConnectionView:
    """What the page shows of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: dict[int, int] = {}  # id of an event -> its row
        self.open = True
        self.how = ""  # it ended: "fin", "rst" or "refused"
        self.ended_by = ""  # "client" or "server"
        self.ended = 0.0  # seconds of the story
        self.topics: dict[str, None] = {}
        self.sent = {"client": 0, "server": 0}  # messages
        self.last: dict[str, Event | None] = {"client": None, "server": None}  # last messages
        self.asked: deque[float] = deque(maxlen=1000)  # times of requests without a reply

    def waits(self) -> Change | None:
        """Return for what it waits, which side does, and since when (seconds of the story)."""
        connection, firsts = self.connection, self.connection.firsts
        said = connection.handshakes
        if not self.open:
            return None
        if "syn" in firsts and "syn-ack" not in firsts and not said:
            return {"for": "syn", "side": "client", "since": firsts["syn"].time}
        if not connection.late:
            for step, kind in ("greeting", "greeting"), ("done", "ready"):
                both = [f"{step} {side}" in said for side in ("client", "server")]
                if not all(both):
                    side = "server" if both[1] else "client"
                    first = firsts.get(f"{kind} {side}") or firsts.get("ack") or firsts.get("syn")
                    since = first.time if first else connection.events[0].time
                    return {"for": "handshake", "side": side, "since": since}
        if self.asked:
            side = "client" if connection.client_type in ("REQ", "DEALER") else "server"
            return {"for": "reply", "side": side, "since": self.asked[0]}
        return None


def connection_of(view: ConnectionView) -> Change:
    """Return what the page shows of a connection apart from its rows."""
    connection = view.connection
    made: Change = {
        "number": connection.number,
        "pattern": connection.pattern,
        "heading": heading(connection).partition(": ")[2],
        "took": took(connection),
        "open": view.open,
        "how": view.how,
        "ended_by": view.ended_by,
        "began": connection.events[0].time,
        "ended": view.ended,
        "late": connection.late,
        "waits": view.waits(),
        "sent": view.sent.copy(),
        "last": {side: word(event) if event else "" for side, event in view.last.items()},
        "topics": list(view.topics),
        "subscribed": connection.subscriptions[:TOPICS],
        "head": drawn(sides(connection)),
    }
    for side, address in (("client", connection.client), ("server", connection.server)):
        port = address.rpartition(":")[2]
        made[side] = {"host": host(address), "port": port, "role": connection.role(address)}
    return made


def row_of(connection: Connection, at: int, new: bool) -> Change:
    """Return a row of the diagram; of a new one also what does not change any more."""
    event = connection.events[at]
    made: Change = drawn(row(connection, event)) | {
        "connection": connection.number,
        "index": at,
        "packets": span(event),
        "count": event.count,
        "time": event.time,
        "last_time": event.last_time or event.time,
        "who": direction(connection, event.sender) if event.kind != "late" else "",
        "said": say(shorten(event, TEXT)),
        "topic": topic(event),
    }
    if new:
        made["phase"] = KINDS[event.kind].phase
        made["octets"] = octets(connection, event)
    return made


def event_of(connection: Connection, at: int, step: int, event: Event) -> Change:
    """Return an event of the list of everything; `at` is its row, or that of its run."""
    made: Change = {
        "step": step,
        "connection": connection.number,
        "index": at,
        "packet": event.packet,
        "time": event.time,
        "look": KINDS[event.kind].look,
        "onward": event.sender == connection.client,
        "who": direction(connection, event.sender) if event.kind != "late" else "",
        "said": say(shorten(event, TEXT)),
        "topic": topic(event),
    }
    if event.into:  # of another its row has them
        made["octets"] = octets(connection, event)
    return made


def passing_of(connection: int, side: str, event: Event, many: int) -> Change:
    """Return something that moves, from a side of a connection; `many` like things move as one."""
    made: Change = {"connection": connection, "side": side, "count": many}
    return made | {"look": KINDS[event.kind].look, "text": word(event), "topic": topic(event)}


def topic(event: Event) -> str:
    """Return by which topic an event can be picked out."""
    return (event.topic or event.text * (event.kind == "subscribe"))[:TEXT]


def drawn(drawing: Drawing) -> Change:
    """Return a drawing with its shapes as lists, which are shorter in JSON."""
    shapes = [[tag, kind, at, text] for tag, kind, at, text in drawing.shapes]
    return {"height": drawing.height, "shapes": shapes}


def word(event: Event) -> str:
    """Return what is written on the thing that moves: "Hello", "job 3", "READY", "SYN"."""
    if event.kind == "job" and event.value is not None:
        text = _("job {value}").format(value=event.value)
    elif event.kind in (*MESSAGES, "encrypted"):
        text = event.text or event.kind
    elif event.kind in ("subscribe", "cancel", "join", "leave"):
        text = f"{event.kind.upper()} {event.text}"
    elif event.kind == "refused":
        text = "RST"
    elif event.kind.endswith("-begun"):
        text = event.kind.removesuffix("-begun") + "…"
    else:
        text = event.kind if event.kind == "greeting" else event.kind.upper()
    return text if len(text) <= WORD else text[: WORD - 1] + "…"
