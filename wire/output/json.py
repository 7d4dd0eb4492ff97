"""The story as JSON: one object for each capture."""

import json
from dataclasses import fields
from typing import Any

from output.text import losses
from story.model import Connection, Event
from story.story import Story

LISTS = ("requests", "replies", "subscriptions", "published", "jobs")
ALWAYS = {"packet", "time", "sender", "kind"}
NEVER = {"wire", "into"}  # of use to other outputs only
DEFAULTS = {field.name: field.default for field in fields(Event)}


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


def connection_object(connection: Connection) -> dict[str, Any]:
    """Return a connection with all its events."""
    # by_port: the pattern is what the port suggests, not what the sockets said.
    names = ("pattern", "by_port", "client", "server", "version", "mechanism", "complete", *LISTS)
    found = {name: getattr(connection, name) for name in names}
    return found | {"events": [event_object(event) for event in connection.events]}


def capture_json(name: str, story: Story) -> str:
    """Return the object of one capture, of a story that kept each event."""
    connections = [connection_object(connection) for connection in story.connections]
    whole = {"file": name, "packets": story.packets, "remarks": list(losses(story.losses))}
    whole["connections"] = connections
    return json.dumps(whole, ensure_ascii=False, indent=1)
