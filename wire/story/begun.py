"""What a side has begun and not gone on with: a greeting, a command, a message."""

from story.model import Event
from story.pending import Pending
from tcp.connection import StreamEvent
from zmtp.frames import COMMAND, Begun


def begun(sender: str, pending: Pending, item: Begun | None, last: StreamEvent) -> Event | None:
    """Return the event of what a side has begun, if there is anything.

    `pending`: the whole frames of a message. `item`: the part of a greeting or of a frame behind
    them. `last`: what brought the last byte.
    """
    if not item and not pending.frames:
        return None
    event = Event(last.packet, last.time, sender, "message-begun", size=pending.size)
    event.frames, missing = len(pending.frames) + pending.beyond, pending.missing
    for frame in pending.frames:
        event.size += frame.size
        missing += frame.missing
    if item:
        event.size, event.whole, event.first_packet = event.size + item.size, item.whole, item.first
        missing += item.missing
        if greeting := item.greeting:
            event.kind, event.wire = "greeting-begun", [greeting]
            event.version, event.mechanism = greeting.version, greeting.mechanism
        elif item.flags is not None and item.flags & COMMAND:
            event.kind = "command-begun"
    if pending.frames:
        event.first_packet = pending.frames[0].first
    if missing:
        event.note = f"{missing} of its bytes are not in the capture"
    return event


def lost(sender: str, pending: Pending, scrap: int, last: StreamEvent) -> Event | None:
    """Return the event of what a side has begun, and of which bytes are missing now.

    `scrap`: bytes of a frame's header.
    """
    event = begun(sender, pending, None, last)
    said = "begin a ZMTP frame"
    if event:
        said = f"begin a message, {event.frames} of its ZMTP frames" + " and a part" * (scrap > 0)
    elif scrap:
        event = Event(last.packet, last.time, sender, "gap")
    else:
        return None
    event.kind, event.frames, event.size = "gap", 0, event.size + scrap
    event.note = f"{said}, whose end is not in the capture"
    return event
