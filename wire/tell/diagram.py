"""A connection as a sequence diagram in SVG: two lifelines, an arrow for each event.

The kinds of arrows differ in their line and their head, not in colour alone, so that they can
be told apart on a grey printout. `STYLE` is the CSS that the page needs for them.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from unicodedata import east_asian_width

from read.events import MESSAGES, Connection, Event

from tell.names import shorten
from tell.words import say, span

WIDTH, LEFT, RIGHT = 760, 184, 675  # units of the drawing; the lifelines of client and server
TALL = 1000  # units: a part of a diagram that is no taller fits on one A4 page
HEAD, TAIL = 40, 10  # events drawn; of a longer connection the first and the last
COLUMNS, TEXT = 66, 40  # characters of a line between the lifelines, and of a quoted text
RUN = 25, 13  # characters of a text that begins or ends a run, and how many of its end
BOX = 25  # characters of a line in the box that names a side
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc][^\x21-\x7e]*")
ROW = 30  # units from one arrow to the next

PHASES = {"syn": "TCP handshake", "syn-ack": "TCP handshake", "ack": "TCP handshake"}
PHASES |= {"refused": "TCP handshake", "fin": "TCP close", "rst": "TCP close"}
PHASES |= dict.fromkeys(
    ("greeting", "identity", "hello", "welcome", "initiate", "ready", "error"), "ZMTP handshake"
)
STYLE = """
svg { display: block; width: 100%; max-width: 760px; height: auto; margin: 0 auto }
svg text { font: 11.5px var(--mono); fill: #1b1f24; text-anchor: middle; white-space: pre }
svg .life { stroke: #8a929c; stroke-width: 1 }
svg .box { fill: #fff; stroke: #1b1f24 }
svg .role { font: 700 14px var(--sans) }
svg .name { font: 12px var(--sans) }
svg .small { font-size: 10px; fill: #454d57 }
svg .phase { font: 700 10.5px var(--sans); letter-spacing: .02em; text-anchor: start }
svg .frame { font-size: 11px; text-anchor: end }
svg .tcp, svg .zmtp, svg .message, svg .missing, svg .bad { fill: none; stroke-width: 1.2 }
svg .tcp { stroke: #59636e }
svg .zmtp { stroke: #0b57a4; stroke-width: 1.8; fill: #fff }
svg .message { stroke: #176636; stroke-width: 2.4; fill: #176636 }
svg .missing { stroke: #8a4b00; stroke-width: 1.6; stroke-dasharray: 6 4 }
svg .bad { stroke: #b3261e; stroke-width: 1.8 }
svg .band-tcp { fill: #f1f3f5 }
svg .band-zmtp { fill: #e6f0fb }
svg .band-message { fill: #e9f5ec }
svg .band-missing { fill: #fdf3e3 }
"""


def style(kind: str) -> str:
    """Return the class of the arrow of an event: tcp, zmtp, message, missing or bad."""
    if kind in ("late", "gap"):
        return "missing"
    if kind in ("refused", "rst", "error"):
        return "bad"
    if kind in (*MESSAGES, "subscribe", "cancel"):
        return "message"
    return "zmtp" if PHASES.get(kind, "") in ("", "ZMTP handshake") else "tcp"


def phase(kind: str) -> tuple[str, str]:
    """Return the name of the phase that an event belongs to, and the class of its band."""
    if kind in ("late", "gap"):
        return "Not in the capture", "band-missing"
    name = PHASES.get(kind, "Messages")
    return name, f"band-{'message' if name == 'Messages' else name.split()[0].lower()}"


def arrow(look: str, start: float, end: float, y: float, many: bool = False) -> str:
    """Return an arrow; the head tells what it is: open, hollow, filled, or a cross."""
    back = -1 if end > start else 1
    tip = end + back * 1.5
    heads = {
        "tcp": f"M{tip + back * 8},{y - 4.5} L{tip},{y} L{tip + back * 8},{y + 4.5}",
        "bad": f"M{tip},{y - 5} l{back * 10},10 m0,-10 L{tip},{y + 5}",
        "missing": "",
    }
    filled = f"M{tip + back * 10},{y - 5} L{tip},{y} L{tip + back * 10},{y + 5} Z"
    line = f"M{start},{y} H{tip + back * (9 if look in ('zmtp', 'message') else 0)}"
    lines = f"M{start},{y - 4} H{tip + back * 14} M{start},{y + 4} H{tip + back * 14} " * many
    return f'<path class="{look}" d="{lines}{line} {heads.get(look, filled)}"/>'


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


def safe(said: str) -> str:
    """Return a text escaped for HTML and SVG, in which Arabic or Hebrew turns nothing round."""
    return RIGHT_TO_LEFT.sub("\u2067\\g<0>\u2069", escape(said))


def text(x: float, y: float, kind: str, said: str) -> str:
    """Return a text; everything in it that could be markup is escaped."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{safe(said)}</text>'


class Part:
    """The events of a diagram that fit on one page, below the boxes that name the two sides."""

    def __init__(self, connection: Connection, names: dict[str, str]) -> None:
        self.connection = connection
        self.behind: list[str] = []
        self.front: list[str] = []
        self.phase = ""
        self.rows = 0
        sides = [(LEFT, connection.client), (RIGHT, connection.server)]
        wrapped = [[at[i : i + BOX] for i in range(0, len(at), BOX)] for _, at in sides]
        self.top = 46.0 + 13 * max(map(len, wrapped))
        self.front.append(text(90, self.top - 14, "frame", "Frame"))
        for (x, address), lines in zip(sides, wrapped, strict=True):
            box = f'x="{x - 84}" y="1" width="168" height="{self.top - 9:g}" rx="4"'
            self.front.append(f'<rect class="box" {box}/>')
            self.front.append(text(x, 17, "role", connection.role(address)))
            self.front.append(text(x, 33, "name", names.get(address, "")))
            for at, line in enumerate(lines):
                self.front.append(text(x, 47 + 13 * at, "small", line))
        self.y = self.top

    def add(self, event: Event, lines: list[str]) -> None:
        """Draw an event in the band of its phase."""
        name, band = phase(event.kind)
        begun = self.phase == name
        run = 3 if event.count > 1 else 0  # its lines take more room
        height = ROW * (1 if len(lines) == 1 else 1.5) + 2 * run + (0 if begun else 18)
        self.behind.append(
            f'<rect class="{band}" x="0" y="{self.y:g}" width="{WIDTH}" height="{height + 0.5:g}"/>'
        )
        if not begun:
            self.y += 18
            self.phase = name
            self.front.append(text(8, self.y - 4, "phase", name))
            height -= 18
        y = self.y + 19 + run
        start, end = (LEFT, RIGHT) if event.sender == self.connection.client else (RIGHT, LEFT)
        self.front.append(text(90, y + 4, "frame", span(event)))
        self.front.append(text((LEFT + RIGHT) / 2, y - 6 - run, "said", lines[0]))
        for line in lines[1:]:
            self.front.append(text((LEFT + RIGHT) / 2, y + 14 + run, "said", line))
        self.front.append(arrow(style(event.kind), start, end, y, event.count > 1))
        self.y += height
        self.rows += 1

    def skip(self, count: int) -> None:
        """Draw the place of the events that are left out."""
        said = f"⋮ {count:,} more events, which the table tells ⋮"
        self.front.append(text((LEFT + RIGHT) / 2, self.y + 19, "said", said))
        self.phase = ""
        self.y += ROW

    def svg(self, number: int, of: int) -> str:
        """Return the drawing, with a title and a description for those who cannot see it."""
        connection, key = self.connection, f"c{self.connection.number}p{number}"
        sides = f"{connection.role(connection.client)} {connection.client}"
        sides += f" and {connection.role(connection.server)} {connection.server}"
        part = f", part {number} of {of}" if of > 1 else ""
        lives = "".join(
            f'<path class="life" d="M{x},{self.top - 8:g} V{self.y + 6:g}"/>' for x in (LEFT, RIGHT)
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {self.y + 8:g}" role="img" '
            f'aria-labelledby="{key}t {key}d"><title id="{key}t">{safe(sides)}{part}</title>'
            f'<desc id="{key}d">Sequence diagram of {self.rows} events, in the order of the '
            f"capture. The table below it says the same in words.</desc>"
            f"{''.join(self.behind)}{lives}{''.join(self.front)}</svg>"
        )


def diagram(connection: Connection, names: dict[str, str]) -> Iterator[str]:
    """Yield the parts of a diagram, each an SVG that fits on a page.

    `names`: "ip:port" of the two sides -> name. Events are drawn in the order of the story.
    """
    events = connection.events
    left_out = len(events) - HEAD - TAIL
    parts = [Part(connection, names)]
    for at, event in enumerate(events):
        if left_out > 1 and HEAD <= at < HEAD + left_out:
            if at == HEAD:
                parts[-1].skip(left_out)
            continue
        lines = label(event)
        if parts[-1].y + ROW * 1.5 + 24 > TALL:
            parts.append(Part(connection, names))
        parts[-1].add(event, lines)
    for number, part in enumerate(parts, 1):
        yield part.svg(number, len(parts))
