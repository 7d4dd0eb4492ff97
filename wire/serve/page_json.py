"""What a page is given of a connection, of an event and of what moves, ready for JSON."""

from typing import Any

from output.diagram import Drawing, row, sides
from output.hosts import named, shorten
from output.octets import octets
from output.text import heading
from output.words import direction, say, span
from story.model import KINDS, MESSAGES, Connection, Event

TEXT, WORD = 160, 18  # characters of what an event says, and of a text that moves
TOPICS = 50  # topics of a connection that can be picked out
Change = dict[str, Any]


class ConnectionView:
    """What the page shows of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows: dict[int, int] = {}  # id of an event -> its row
        self.open = True
        self.ended_by = ""  # "client" or "server", or "refused"
        self.ended = 0.0  # seconds of the story
        self.topics: dict[str, None] = {}


def connection_of(view: ConnectionView, names: dict[tuple[str, str], str]) -> Change:
    """Return what the page shows of a connection apart from its rows."""
    connection = view.connection
    both = named(connection, names)
    made: Change = {
        "number": connection.number,
        "pattern": connection.pattern,
        "heading": heading(connection).partition(": ")[2],
        "open": view.open,
        "ended_by": view.ended_by,
        "began": connection.events[0].time,
        "ended": view.ended,
        "late": connection.late,
        "topics": list(view.topics),
        "subscribed": connection.subscriptions[:TOPICS],
        "head": drawn(sides(connection, both)),
    }
    for side, address in (("client", connection.client), ("server", connection.server)):
        host, _, port = address.rpartition(":")
        role = connection.role(address)
        made[side] = {"host": host, "port": port, "role": role, "name": both[address]}
    return made


def row_of(connection: Connection, at: int, new: bool) -> Change:
    """Return a row of the diagram; of a new one also what does not change any more."""
    event = connection.events[at]
    made: Change = drawn(row(connection, event)) | {
        "connection": connection.number,
        "index": at,
        "packets": span(event),
        "time": event.last_time or event.time,
        "who": direction(connection, event) if event.kind != "late" else "",
        "said": say(shorten(event, TEXT)),
        "topic": (event.topic or event.text * (event.kind == "subscribe"))[:TEXT],
    }
    if new:
        made["phase"] = KINDS[event.kind].phase
        made["octets"] = octets(connection, event)
    return made


def drawn(drawing: Drawing) -> Change:
    """Return a drawing with its shapes as lists, which are shorter in JSON."""
    shapes = [[tag, kind, at, text] for tag, kind, at, text in drawing.shapes]
    return {"height": drawing.height, "shapes": shapes}


def word(event: Event) -> str:
    """Return what is written on the thing that moves: "Hello", "job 3", "READY", "SYN"."""
    if event.kind == "job" and event.value is not None:
        text = f"job {event.value}"
    elif event.kind in MESSAGES:
        text = event.text or event.kind
    elif event.kind in ("subscribe", "cancel"):
        text = f"{event.kind.upper()} {event.text}"
    elif event.kind == "refused":
        text = "RST"
    else:
        text = event.kind if event.kind == "greeting" else event.kind.upper()
    return text if len(text) <= WORD else text[: WORD - 1] + "…"
