"""Reads a capture into a story, in one pass in which others may look on.

wrong = read("zmq.pcap", story, answers.look, fingerprint.look)
"""

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from capture.files import packets, plain, reason
from capture.packet import CaptureError, Packet
from story.model import New
from story.story import Story
from tcp.segment import Segment as Segment  # what an observer is given

# What looks on: each packet, its TCP segment if it has one, and the events that it completes.
# At the end comes None for the packet, with the events that waited.
Observer = Callable[[Packet | None, Segment | None, New], None]
EMPTY = "empty: no packet is in it; nothing passed, or tcpdump has not ended yet"
Watch = Callable[[Iterator[Packet], BinaryIO], Iterator[Packet]]  # says how far it is


def read(
    path: str, story: Story, *observers: Observer, watch: Watch = lambda source, file: source
) -> str:
    """Read the capture at `path` ("-": the input) into the story.

    Returns what is wrong with it, in words, or an empty text. What comes before a fault is read.
    """
    try:
        file = sys.stdin.buffer if path == "-" else open(path, "rb", 1 << 20)
        with file:
            feed = story.feed
            for packet in watch(packets(plain(file)), file):
                events = feed(packet)
                for look in observers:
                    look(packet, story.segment, events)
    except KeyboardInterrupt:
        if path != "-":
            raise
    except CaptureError as error:
        return str(error)
    except OSError as error:
        return reason(error, path)
    finally:
        events = story.end()
        for look in observers:
            look(None, None, events)
    return "" if story.packets else EMPTY
