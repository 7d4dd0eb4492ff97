"""The story as one HTML page for a report: no script, nothing loaded from elsewhere.

The page is templates/page.html. Jinja2 escapes every text that it fills in, and a
Content-Security-Policy forbids the page to run or to load anything, so no byte of a capture can
do more than be read. Raises ImportError where Jinja2 is not installed.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2 import Template as Template  # what environment() gives

from output.diagram import WIDTH, arrow, diagram, isolated
from output.hosts import shorten
from output.language import _, number, plain, spoken
from output.octets import octets
from output.text import beside, closing, heading, losses, zmtp_count
from output.timeline import LANES, overview
from output.words import MANY, direction, say, span
from story.model import MESSAGES, Connection, Event
from story.story import Story

TEMPLATES = Path(__file__).parent / "templates"
TEXT = 160  # characters of a text that are shown; its size is given when it is longer
LAST = 20  # rows at the end of a table that are shown, of a connection with more than ROWS
ROWS = 400  # rows of a table: a longer page is of no use in a report
BYTES = 100  # rows of a table that have their bytes
MOST = 500  # connections: a page of more is too long to open
OPEN = 12  # connections that are unfolded; of more than these all are folded


def environment(*folders: Path) -> Environment:
    """Return what fills templates, those of these folders and those of output/, and escapes."""
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        keep_trailing_newline=True,
    )
    made.install_gettext_translations(spoken(), newstyle=True)  # type: ignore[attr-defined]
    made.filters["isolated"] = isolated
    return made


def write_page(name: str, story: Story, out: TextIO) -> None:
    """Write the page of a capture to `out`, a file of UTF-8; `name` must be safe to show.

    Times are in seconds since the first packet, as in Wireshark's column. Raises OSError.
    """
    connections = story.connections
    listed = connections[:MOST]
    patterns = [c.pattern for c in connections if not (c.guess or c.refused)]
    page = environment().get_template("page.html")
    out.writelines(
        page.generate(
            name=name,
            packets=number(story.packets),
            seconds=number(story.seconds, 1),
            start=begun(story),
            count=zmtp_count(story),
            connections=number(zmtp_count(story)),
            patterns=[(pattern, number(many)) for pattern, many in Counter(patterns).items()],
            remarks=[*beside(story), *losses(story.losses)],
            arrows=legend(),
            width=WIDTH,
            axis=overview(story, listed),
            lanes=LANES,
            listed=[entry(connection) for connection in listed],
            all_listed=len(listed) == len(connections),
            opened=len(connections) <= OPEN,
            told=(section(connection) for connection in listed),
        )
    )


def begun(story: Story) -> str:
    """Return when the capture began, in local time with its zone."""
    if story.start is None:
        return ""
    try:
        start = datetime.fromtimestamp(story.start // 1_000_000_000, UTC).astimezone()
    except (ValueError, OverflowError, OSError):  # the calendar of datetime has the years 1 to 9999
        seconds = number(story.start // 1_000_000_000)
        return _("{seconds} seconds after 1970 began").format(seconds=seconds)
    return f"{start:%Y-%m-%d %H:%M:%S} {start.tzname() or ''}".rstrip()


def legend() -> list[tuple[str, Any, str]]:
    """Return the looks of arrows, each with an arrow as a shape and what it stands for."""
    looks = [
        ("tcp", False, _("TCP opens, closes")),
        ("zmtp", False, _("ZMTP handshake, command")),
        ("message", False, _("message, subscription")),
        ("message", True, _("run of like messages")),
        ("bad", False, _("refused, broken off")),
        ("missing", False, _("not in the capture")),
    ]
    return [(look, arrow(look, 2, 54, 8, many), words) for look, many, words in looks]


def entry(connection: Connection) -> dict[str, Any]:
    """Return what the list of connections says about one."""
    numbers = [event.packet for event in connection.events]
    last = [max(event.packet, event.last_packet) for event in connection.events]
    messages = number(sum(connection.counts.get(kind, 0) for kind in MESSAGES))
    if encrypted := connection.counts.get("encrypted", 0):
        messages = MANY["encrypted"]().format(count=number(encrypted))
    return {
        "number": connection.number,
        "pattern": connection.pattern,
        "client": f"{connection.role(connection.client)} {connection.client}",
        "server": f"{connection.role(connection.server)} {connection.server}",
        "packets": f"{min(numbers, default=0)}–{max(last, default=0)}",
        "messages": messages,
    }


def section(connection: Connection) -> dict[str, Any]:
    """Return a connection as the page tells it: heading, diagram, table of its events."""
    made = entry(connection)
    sides = connection.client, connection.server
    return made | {
        "heading": heading(connection).partition(": ")[2],
        "filter": " && ".join(f"tcp.port == {at.rpartition(':')[2]}" for at in sides),
        "sides": _("{client} and {server}").format(**made),
        "parts": diagram(connection),
        "rows": rows(connection),
        "notes": [note.strip() for note in closing(connection)],
    }


def rows(connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table of events; of a long one the first and the last."""
    events = connection.events
    left_out = len(events) - ROWS
    for at, event in enumerate(events if left_out < 2 else events[: ROWS - LAST]):
        yield line(connection, event, at < BYTES)
    if left_out >= 2:
        yield {"more": number(left_out)}
        for event in events[-LAST:]:
            yield line(connection, event, False)


def line(connection: Connection, event: Event, with_bytes: bool) -> dict[str, Any]:
    """Return the row of an event."""
    said = say(shorten(event, TEXT))
    if event.first_packet and event.first_packet != event.packet and event.count == 1:
        said += _(" (begins in packet {packet})").format(packet=event.first_packet)
    return {
        "more": "",
        "packet": span(event),
        "time": plain(event.time, 6),
        "layer": event.layer,
        "who": direction(connection, event.sender) if event.kind != "late" else "",
        "said": said,
        "octets": octets(connection, event) if with_bytes else [],
    }
