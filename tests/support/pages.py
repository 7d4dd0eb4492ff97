"""Pages and diagrams of made-up captures."""

import io
import re
import xml.etree.ElementTree as ET

from output.html import write_page
from story.model import Connection, Event
from story.story import Story

CLIENT, SERVER = "10.0.0.2:40000", "10.0.0.3:5555"


def page(story: Story, name: str = "lab.pcap") -> str:
    out = io.StringIO()
    write_page(name, story, out)
    return out.getvalue()


def story_of(*events: Event, types: tuple[str, str] = ("REQ", "REP")) -> Story:
    """Return a story of one connection with these events."""
    story = Story()
    connection = Connection(1, CLIENT, SERVER, client_type=types[0], server_type=types[1])
    connection.events = list(events)
    story.connections = [connection]
    return story


def drawings(html: str) -> list[ET.Element]:
    """Return the diagrams, read as XML."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", html, re.DOTALL)]


def hostile_story(text: str, kind: str, frame_number: int = 7) -> Story:
    """Return a story that has this text wherever a capture can put one."""
    event = Event(frame_number, 0.5, SERVER, kind, text, 5, topic=text, version=text)
    event.mechanism = event.socket_type = event.identity = event.note = text
    event.metadata = [(text, text)]
    run = Event(8, 0.5, CLIENT, kind, text, 5, count=3, last_packet=9, texts=[text], last_text=text)
    story = story_of(event, run, types=(text, "REP"))
    story.connections[0].version = story.connections[0].mechanism = text
    return story
