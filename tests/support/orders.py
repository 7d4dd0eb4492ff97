"""Conversations side by side, in any order."""

from command import HELLO
from wire_packets import (
    Talk,
    greeting,
    ready,
)


def begun(talk: Talk) -> Talk:
    return talk.open().say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"), HELLO)


def numbered(count: int) -> list[Talk]:
    return [Talk(client=(bytes((10, 1, n >> 8, n & 255)), 40000)) for n in range(count)]


def interleaved(talks: list[Talk]) -> list[bytes]:
    """Return their packets in turns."""
    return [
        packet for turn in zip(*(talk.packets for talk in talks), strict=True) for packet in turn
    ]
