"""A connection as a sequence diagram in SVG: two lifelines, an arrow for each event.

The kinds of arrows differ in their line and their head, not in colour alone, so that they can
be told apart on a grey printout. What is drawn is given as shapes: the template of the page
writes them as SVG, and so does the script of the live page, with templates/diagram.css for both.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple
from unicodedata import east_asian_width

from output.hosts import shorten
from output.language import _, number, plain
from output.words import say, span, took
from story.model import CLOSE, KINDS, LACK, MESSAGES, OPEN, SHAKE, TALK, Connection, Event

WIDTH, LEFT, RIGHT = 760, 184, 675  # units of the drawing; the lifelines of client and server
TALL = 1000  # units: a part of a diagram that is no taller fits on one A4 page
HEAD, TAIL = 40, 10  # events drawn; of a longer connection the first and the last
COLUMNS, TEXT = 66, 40  # characters of a line between the lifelines, and of a quoted text
RUN = 24, 13  # characters of a text that begins or ends a run, and how many of its end
BOX = 25  # characters of a line in the box that names a side
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc][^\x21-\x7e]*")
ROW, TITLE = 30, 18  # units from one arrow to the next, and for the name of a phase
MIDDLE = (LEFT + RIGHT) / 2
PACKET, TIME = 90, 176  # units: where the columns left of the lifelines end

TITLES: dict[str, tuple[Callable[[], str], str]] = {  # of a phase, and the class of its band
    OPEN: (lambda: _("TCP handshake"), "band-tcp"),
    CLOSE: (lambda: _("TCP close"), "band-tcp"),
    SHAKE: (lambda: _("ZMTP handshake"), "band-zmtp"),
    TALK: (lambda: _("Messages"), "band-message"),
    LACK: (lambda: _("Not in the capture"), "band-missing"),
}


class Shape(NamedTuple):
    """An element of SVG, and nothing that needs escaping yet: a template or a browser draws it."""

    tag: str  # "rect", "path" or "text"
    kind: str  # its class
    at: dict[str, str]
    text: str = ""


class Drawing(NamedTuple):
    """Shapes from y = 0 down to a height, in units."""

    height: float
    shapes: list[Shape]


def shape(tag: str, kind: str, said: str = "", **at: float | str) -> Shape:
    """Return a shape; numbers are written short."""
    values = {k: v if isinstance(v, str) else f"{v:g}" for k, v in at.items()}
    return Shape(tag, kind, values, isolated(said))


def arrow(look: str, start: float, end: float, y: float, many: bool = False) -> Shape:
    """Return an arrow; the head tells what it is: open, hollow, filled, or a cross."""
    back = -1 if end > start else 1
    tip = end + back * 1.5
    heads = {
        "tcp": f"M{tip + back * 8:g},{y - 4.5:g} L{tip:g},{y:g} L{tip + back * 8:g},{y + 4.5:g}",
        "bad": f"M{tip:g},{y - 5:g} l{back * 10},10 m0,-10 L{tip:g},{y + 5:g}",
        "missing": "",
    }
    far = tip + back * 10
    filled = f"M{far:g},{y - 5:g} L{tip:g},{y:g} L{far:g},{y + 5:g} Z"
    shaft = tip + back * 14
    lines = f"M{start:g},{y - 4:g} H{shaft:g} M{start:g},{y + 4:g} H{shaft:g} " * many
    line = f"M{start:g},{y:g} H{tip + back * (9 if look in ('zmtp', 'message') else 0):g}"
    return shape("path", look, d=f"{lines}{line} {heads.get(look, filled)}")


def label(event: Event) -> list[str]:
    """Return what an event says in one line, or in two that fit between the lifelines."""
    room = TEXT if event.kind in MESSAGES else COLUMNS
    short = shorten(event, *RUN) if event.count > 1 else shorten(event, room)
    said = say(replace(short, parts=[]))
    if columns(said) <= COLUMNS:
        return [said]
    cut = said.rfind(", ", 0, COLUMNS) + 1 or said.rfind(" ", 0, COLUMNS) or COLUMNS
    return [fit(said[:cut].rstrip(", ")), fit(said[cut:].strip())]


def columns(text: str) -> int:
    """Return the width of a text in a font of fixed width; some characters take two columns."""
    return len(text) + sum(east_asian_width(character) in "WF" for character in text)


def fit(text: str) -> str:
    """Return the text, shortened to the room between the lifelines."""
    if columns(text) <= COLUMNS:
        return text
    while columns(text) >= COLUMNS:
        text = text[:-1]
    return text + "…"


def isolated(said: str) -> str:
    """Return a text in which Arabic or Hebrew turns nothing round that stands beside it."""
    return RIGHT_TO_LEFT.sub("\u2067\\g<0>\u2069", said)


def moment(seconds: float) -> str:
    """Return a time in seconds since the first packet, to the microsecond if there is room."""
    return plain(seconds, 6 if seconds < 1000 else 3)


def lifelines(height: float) -> list[Shape]:
    return [shape("path", "life", d=f"M{x},0 V{height + 0.5:g}") for x in (LEFT, RIGHT)]


def band(kind: str, height: float) -> Shape:
    """Return what lies behind a row; it overlaps the next one, so that no seam shows."""
    return shape("rect", kind, x=0, y=0, width=WIDTH, height=height + 0.5)


def sides(connection: Connection) -> Drawing:
    """Draw the boxes that name the two sides, and the heads of the columns below them."""
    both = [(LEFT, connection.client), (RIGHT, connection.server)]
    wrapped = [[at[i : i + BOX] for i in range(0, len(at), BOX)] for _, at in both]
    height = 25 + 13 * max(map(len, wrapped))
    shapes = [
        *(shape("path", "life", d=f"M{x},{height + 1} V{height + 20.5}") for x, _address in both),
        shape("text", "packet", _("Packet"), x=PACKET, y=height + 14),
        shape("text", "time", _("Time (s)"), x=TIME, y=height + 14),
    ]
    for (x, address), lines in zip(both, wrapped, strict=True):
        shapes += [
            shape("rect", "box", x=x - 84, y=1, width=168, height=height, rx=4),
            shape("text", "role", connection.role(address), x=x, y=17),
        ]
        shapes += [shape("text", "small", line, x=x, y=33 + 13 * i) for i, line in enumerate(lines)]
    return Drawing(height + 20, shapes)


def row(connection: Connection, event: Event) -> Drawing:
    """Draw an event: its packet number and time, its arrow, what it says."""
    lines = label(event)
    run = 3 if event.count > 1 else 0  # its lines take more room
    height = ROW * (1 if len(lines) == 1 else 1.5) + 2 * run
    y = 19 + run
    start, end = (LEFT, RIGHT) if event.sender == connection.client else (RIGHT, LEFT)
    shapes = [
        band(TITLES[KINDS[event.kind].phase][1], height),
        *lifelines(height),
        shape("text", "packet", span(event), x=PACKET, y=y + 4),
        shape("text", "time", moment(event.time), x=TIME, y=y + 4),
        shape("text", "said", lines[0], x=MIDDLE, y=y - 6 - run),
    ]
    shapes += [shape("text", "said", line, x=MIDDLE, y=y + 14 + run) for line in lines[1:]]
    return Drawing(height, [*shapes, arrow(KINDS[event.kind].look, start, end, y, event.count > 1)])


def title(kind: str, took: str = "") -> Drawing:
    """Draw the name of the phase that begins with an event of this kind, and how long it took."""
    name, behind = TITLES[KINDS[kind].phase]
    said = name()[:1].upper() + name()[1:] + f": {took}" * bool(took)
    text = shape("text", "phase", said, x=8, y=14)
    return Drawing(TITLE, [band(behind, TITLE), *lifelines(TITLE), text])


def skipped(said: str) -> Drawing:
    """Draw the place of events that are left out."""
    return Drawing(ROW, [*lifelines(ROW), shape("text", "said", f"⋮ {said} ⋮", x=MIDDLE, y=19)])


class Part:
    """The rows of a diagram that fit on one page, below the boxes that name the two sides."""

    def __init__(self, head: Drawing) -> None:
        self.placed: list[tuple[float, list[Shape]]] = []  # y, shapes
        self.height, self.phase, self.events = 0.0, "", 0
        self.add(head)

    def add(self, drawing: Drawing) -> None:
        self.placed.append((self.height, drawing.shapes))
        self.height += drawing.height


def diagram(connection: Connection) -> list[Part]:
    """Return the parts of a diagram, each of which fits on a page, in the order of the story."""
    events = connection.events
    left_out = len(events) - HEAD - TAIL
    head, times = sides(connection), took(connection)
    parts = [Part(head)]
    for at, event in enumerate(events):
        if left_out > 1 and HEAD <= at < HEAD + left_out:
            if at == HEAD:
                parts[-1].add(
                    skipped(
                        _("{number} more events, which the table tells").format(
                            number=number(left_out)
                        )
                    )
                )
                parts[-1].phase = ""
            continue
        drawn = row(connection, event)
        if parts[-1].height + drawn.height + TITLE + 6 > TALL:
            parts.append(Part(head))
        part, name = parts[-1], KINDS[event.kind].phase
        if part.phase != name:
            part.add(title(event.kind, times.get(name, "")))
            part.phase = name
        part.add(drawn)
        part.events += 1
    return parts
