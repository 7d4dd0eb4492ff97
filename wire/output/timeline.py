"""All connections of a capture on one axis of time, as shapes that a template draws."""

import math
from collections.abc import Sequence

from output.diagram import Drawing, Shape, shape
from output.language import _, plain
from story.model import KINDS, Connection, Event
from story.story import Story

LANES = 12  # connections that are drawn
LEFT, RIGHT = 132, 740  # units: where the axis begins and ends
LANE = 26  # units from one connection to the next
TICKS = 10  # at most so many numbers on the axis


def overview(story: Story, connections: list[Connection]) -> Drawing:
    """Draw when each of the first LANES connections opened, spoke and closed."""
    shown = connections[:LANES]
    begin, total = story.earliest, story.seconds or 1.0
    scale = (RIGHT - LEFT) / total
    bottom = LANE * len(shown) + 6
    step = _step(total)
    shapes: list[Shape] = []
    for index in range(math.ceil(begin / step), int((begin + total) / step) + 1):
        x = LEFT + (index * step - begin) * scale
        shapes.append(shape("path", "grid", d=f"M{x:g},0 V{bottom}"))
        shapes.append(shape("text", "tick", plain(index * step), x=x, y=bottom + 14))
    shapes.append(shape("text", "unit", _("seconds"), x=LEFT - 12, y=bottom + 14))
    for at, connection in enumerate(shown):
        y = LANE * at + 16
        times = [event.time for event in connection.events]
        times += [event.last_time for event in connection.events if event.count > 1]
        said = f"{connection.number}. {connection.pattern}"
        shapes.append(shape("text", "lane", said[:18], x=8, y=y + 4))
        if times:
            first, last = min(event.time for event in connection.events), max(times)
            start, end = (LEFT + (time - begin) * scale for time in (first, last))
            line = f"M{start:g},{y} H{end:g}"
            shapes.append(shape("path", "life", d=line))
        shapes += _marks(connection.events, y, begin, scale)
    return Drawing(bottom + 20, shapes)


def _marks(events: Sequence[Event], y: float, begin: float, scale: float) -> list[Shape]:
    """Return a mark for each event; of those that would cover one another, one."""
    found: dict[tuple[str, int, int], Shape] = {}
    for event in events:
        look = KINDS[event.kind].look
        start = LEFT + (event.time - begin) * scale
        last = event.last_time if event.count > 1 else event.time
        end = LEFT + (max(event.time, last) - begin) * scale
        key = (look, round(start), round(end))
        if key not in found:
            found[key] = _mark(look, start, end, y)
    order = ("missing", "tcp", "zmtp", "message", "bad")
    return [found[key] for key in sorted(found, key=lambda key: order.index(key[0]))]


def _mark(look: str, start: float, end: float, y: float) -> Shape:
    """Return a mark; its form tells what it is: a stroke, a ring, a bar, a cross, dashes."""
    if look == "message":
        return shape("rect", look, x=start - 1, y=y - 7, width=max(2.0, end - start + 2), height=14)
    drawn = {
        "tcp": f"M{start:g},{y - 9:g} v18",
        "zmtp": f"M{start - 3:g},{y:g} a3,3 0 1 0 6,0 a3,3 0 1 0 -6,0",
        "bad": f"M{start - 4:g},{y - 4:g} l8,8 m0,-8 l-8,8",
        "missing": f"M{start:g},{y - 9:g} v18",
    }
    return shape("path", look, d=drawn[look])


def _step(total: float) -> float:
    """Return a round number of seconds, so that the axis has at most TICKS numbers."""
    power = 10.0 ** math.floor(math.log10(total / TICKS))
    return next(power * many for many in (1, 2, 5, 10) if total / (power * many) <= TICKS)
