"""Captures of the programming tasks, written message by message, each at its time."""

import io
import json
from collections.abc import Callable, Sequence

from capture.files import packets
from grade.requirements import Requirement
from grade.tasks import TASKS
from grade.tasks.content import WHOLE
from story.story import Story
from wire_packets import ACK, FIN, Side, Talk, frame, pcap


def host(number: int, port: int) -> Side:
    return bytes((172, 18, 0, number)), port


class Scene:
    """A capture under way. Packets come 1 ms after one another, unless a time is given."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.times: list[float] = []
        self.now = 0.0
        self.types: dict[int, tuple[bytes, bytes]] = {}

    @property
    def capture(self) -> bytes:
        return pcap(self.packets, times=self.times)

    def take(self, talk: Talk, before: int) -> int:
        """Take what is new of a connection, and return the number of its last packet."""
        for packet in talk.packets[before:]:
            self.packets.append(packet)
            self.times.append(self.now)
            self.now += 0.001
        return len(self.packets)

    def join(self, client: Side, server: Side, types: tuple[bytes, bytes]) -> Talk:
        talk = Talk(client, server, first=1000 * len(self.packets) + 1000).shake(*types)
        self.types[id(talk)] = types
        self.take(talk, 0)
        return talk

    def say(self, talk: Talk, side: int, what: object, at: float = 0.0) -> int:
        """Send bytes as they are, or anything else as JSON; return the packet's number."""
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        delimiter = frame(b"", 1) if b"REQ" in self.types[id(talk)] else b""
        return self.raw(talk, side, delimiter + frame(body), at)

    def raw(self, talk: Talk, side: int, data: bytes, at: float = 0.0, skip: bool = False) -> int:
        """Send bytes of ZMTP; `skip`: they are not in the capture."""
        self.now = max(self.now, at)
        before = len(talk.packets)
        for cut in range(0, len(data), 60_000):
            talk.add(side, ACK, data[cut : cut + 60_000], skip)
        return self.take(talk, before)

    def end(self, talk: Talk, side: int, at: float = 0.0, flags: int = FIN | ACK) -> int:
        """Let a side end its connection."""
        self.now = max(self.now, at)
        before = len(talk.packets)
        talk.add(side, flags)
        return self.take(talk, before)


def rows(
    scene: Scene | bytes, task: int, change: Callable[[Story], object] = id
) -> list[Requirement]:
    """Return what a task says of a capture; `change`: what is done to its story at the end."""
    story, looks = Story(keep=False, whole=WHOLE), TASKS[task]()
    data = scene if isinstance(scene, bytes) else scene.capture
    for packet in packets(io.BytesIO(data)):
        new = story.feed(packet)
        looks.look(packet, story.segment, new)
    looks.look(None, None, story.end())
    change(story)
    return looks.rows(story)


def missing(found: Sequence[Requirement]) -> dict[str, str]:
    """Return what is missing, and why."""
    return {row.asked: str(row.cause) for row in found if not row.packets}
