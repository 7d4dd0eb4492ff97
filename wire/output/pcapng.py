"""A capture once more, as pcapng with a comment on every packet that carries ZMTP.

    annotated = Annotated(folder)
    wrong = read(path, story, annotated.look, copy=annotated.copy)
    annotated.write(file, story)

It looks on while the capture is read once, so a pipe will do.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from capture.annotated import AnnotatedCopy
from capture.packet import Packet
from output.hosts import hosts, shorten
from output.language import speaking
from output.words import direction, label
from story.model import MESSAGES, Connection, Event, New
from story.reader import Segment
from story.story import Story

TEXT, LINE = 100, 500  # characters of a text, and of what is said about a packet
# They name the socket types, or are told before these are known.
HANDSHAKE = ("greeting", "greeting-begun", "hello", "welcome", "initiate", "ready")
WAITING = 10_000  # events of handshakes that wait for the socket types


class Annotated:
    """Gathers what is to be said about the packets. Raises OSError where it cannot be kept."""

    def __init__(self, folder: str) -> None:
        self.copy = AnnotatedCopy(folder)
        self._first: dict[int, list[tuple[Connection, Event]]] = {}  # of each connection
        self._waiting = 0

    def look(self, packet: Packet | None, segment: Segment | None, new: New) -> None:
        """Take note of what a packet completes."""
        if not new and packet:
            return
        with speaking("en"):
            self._take(new)
            if packet is None or self._waiting > WAITING:
                for number in list(self._first):
                    self._decided(number)

    def _take(self, new: New) -> None:
        for connection, event in new:
            if event.kind in HANDSHAKE:
                self._first.setdefault(connection.number, []).append((connection, event))
                self._waiting += 1
            else:
                self._note(connection, _alone(event, new) if event.count > 1 else event)
                if connection.closed and event.kind in ("fin", "rst"):
                    self._decided(connection.number)

    def _decided(self, number: int) -> None:
        """Note the handshake of a connection, with the socket types as they are known by now."""
        for connection, event in self._first.pop(number, ()):
            self._note(connection, event, True)
            self._waiting -= 1

    def _note(self, connection: Connection, event: Event, first: bool = False) -> None:
        if event.layer == "ZMTP":
            for number, line in notes(connection, event):
                self.copy.comment(number, line, first)

    def write(self, out: BinaryIO, story: Story) -> None:
        """Write the capture with its comments, and with names for the addresses."""
        self.copy.write(out, hosts(story.connections))
        self.copy.close()


def notes(connection: Connection, event: Event) -> Iterator[tuple[int, str]]:
    """Yield the numbers of the packets that an event needed, and what it says about each."""
    short = event if event.kind in MESSAGES and len(event.text) <= TEXT else shorten(event, TEXT)
    yield event.packet, label(connection, short)[:LINE]
    for number, what in _earlier(event):
        yield number, f"{direction(connection, event.sender)} {what} packet {event.packet}"


def _alone(event: Event, new: New) -> Event:
    """Return an event as it passed; those that came with it have made a run of it since."""
    others = [each for _, each in new if each.into is event]
    size, mean = event.size - sum(each.size for each in others), event.round_trip
    if mean is not None:
        mean = mean * event.count - sum(each.round_trip or 0.0 for each in others)
    return replace(event, count=1, size=size, round_trip=mean)


def _earlier(event: Event) -> Iterator[tuple[int, str]]:
    """Yield the packets before the last that an event needed, and what is in them."""
    for part in event.parts:
        if part.packet != event.packet:
            yield part.packet, f"{part.role} of a {event.kind} that ends in"
    if event.first_packet != event.packet and event.first_packet not in {
        part.packet for part in event.parts
    }:
        kind, begun, _ = event.kind.partition("-begun")
        yield event.first_packet, f"{kind} begins, it {'stops' if begun else 'ends'} in"
