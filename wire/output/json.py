"""The story as JSON: one object for each capture, in which each event has a line.

It is written line by line, since there may be millions.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from output.text import beside, losses
from story.model import Connection, Event
from story.story import Story

# by_port: the pattern is what the port suggests, not what the sockets said.
ABOUT = (
    *("pattern", "by_port", "guess", "client", "server", "version", "mechanism", "complete"),
    *("late", "closed", "lost", "retransmitted", "missing"),
)
LISTS = ("requests", "replies", "subscriptions", "published", "jobs")
MANY = ("requests", "replies", "jobs")  # of these, what has an entry for each message
ALWAYS = {"packet", "time", "sender", "kind"}
NEVER = {"wire", "into"}  # of use to other outputs only
DEFAULTS = {field.name: field.default for field in fields(Event)}
text = json.JSONEncoder(ensure_ascii=False).encode


def event_object(event: Event) -> dict[str, Any]:
    """Return an event: packet, time (s), sender and kind, then whatever belongs to it."""
    found: dict[str, Any] = {"packet": event.packet, "time": round(event.time, 9)}
    found |= {"sender": event.sender, "kind": event.kind, "layer": event.layer}
    for name, default in DEFAULTS.items():
        value = getattr(event, name)
        if name not in ALWAYS | NEVER and value != default and value != ():
            found[name] = dict(value) if name == "metadata" else value
    if event.parts:
        found["parts"] = [part._asdict() for part in event.parts]
    if event.round_trip is not None:
        found["round_trip"] = round(event.round_trip, 9)
    return found


def connection_lines(connection: Connection) -> Iterator[str]:
    """Yield the lines of a connection, with all its events."""
    for name in (*ABOUT, *LISTS):
        value = getattr(connection, name)
        if name == "closed":
            value = value and not connection.lost  # of what it did later nothing is known
        if name in MANY:
            yield from _array(name, map(text, value), "   ", ",")
        else:
            yield f'   "{name}": {text(value)},'
    yield from _array("events", map(text, map(event_object, connection.events)), "   ")


def json_lines(name: str, story: Story) -> Iterator[str]:
    """Yield the lines of the object of one capture, of a story that kept each event."""
    whole = {"file": name, "packets": story.packets, "dropped": story.dropped}
    whole |= {"start": story.start and story.start / 1e9, "duration": round(story.seconds, 9)}
    whole["remarks"] = [*beside(story), *losses(story.losses)]
    yield "{"
    for key, value in whole.items():
        yield f' "{key}": {text(value)},'
    yield ' "connections": ['
    for connection in story.connections:
        yield "  {"
        yield from connection_lines(connection)
        yield "  }" + "," * (connection is not story.connections[-1])
    yield " ]"
    yield "}"


def _array(name: str, items: Iterable[str], indent: str, end: str = "") -> Iterator[str]:
    """Yield the lines of a member that is an array, with an item each."""
    before = f'{indent}"{name}": ['
    comma = ""
    for item in items:
        yield before + comma
        before, comma = f"{indent} {item}", ","
    yield before
    yield f"{indent}]{end}"
