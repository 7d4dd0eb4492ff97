"""Reads a capture into a story, in one pass in which others may look on.

wrong = read("zmq.pcap", story, answers.look, fingerprint.look)
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from capture.files import CaptureFile, Watch
from capture.packet import Packet
from story.model import New
from story.story import Story
from tcp.segment import Segment as Segment  # what an observer is given

if TYPE_CHECKING:
    from capture.annotated import AnnotatedCopy

# What looks on: each packet, its TCP segment if it has one, and the events that it completes.
# At the end comes None for the packet, with the events that waited.
Observer = Callable[[Packet | None, Segment | None, New], None]


def read(
    source: str | BinaryIO,
    story: Story,
    *observers: Observer,
    watch: Watch | None = None,
    copy: "AnnotatedCopy | None" = None,
) -> str:
    """Read a capture into the story; return in words what is wrong with it, if anything is.

    For `source`, `watch` and `copy` see CaptureFile. What comes before a fault is read; Ctrl-C
    ends what comes in a pipe.
    """
    capture, feed = CaptureFile(source, watch, copy), story.feed
    try:
        for packet in capture:
            events = feed(packet)
            for look in observers:
                look(packet, story.segment, events)
    except KeyboardInterrupt:
        if source != "-":
            raise
    finally:
        story.dropped = capture.dropped
        events = story.end()
        for look in observers:
            look(None, None, events)
    return capture.wrong
