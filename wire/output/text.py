"""The story as text: a heading for each connection, then a line for each event."""

from collections.abc import Iterable, Iterator

from output.words import direction, say, span
from story.model import Connection, Event
from story.store import CONNECTIONS
from story.story import REFUSED, Story
from tcp.assembler import FLOWS

COLOURS = {"TCP": "36", "ZMTP": "0", "capture": "33", "heading": "1", "bad": "31"}
PLAIN, MESSAGE = "0", "32"
ROW = "%11s %11.6f  %-15s %-8s %s"  # twice as fast as an f-string, and there are many


def heading(connection: Connection) -> str:
    """Return who connected to whom, by socket type, and what they speak."""
    client, server = connection.role(connection.client), connection.role(connection.server)
    said = f"{connection.pattern}: {client} {connection.client} connected to {server} "
    said += connection.server
    if connection.late:
        said = said.replace(" connected to ", " and ", 1)
    if set(connection.counts) == {"refused"}:
        said = said.replace("connected to", "tried to connect to", 1)
    if connection.by_port:
        said += ", types by the port"
    if connection.version:
        said += f", ZMTP {connection.version}"
    return said + (f", {connection.mechanism}" if connection.mechanism else "")


def line(connection: Connection, event: Event, colour: bool = False) -> str:
    """Return an event as a line: packet, seconds, who to whom, layer, what."""
    layer = event.layer
    who = direction(connection, event) if layer != "capture" else ""
    text = ROW % (span(event), event.time, who, layer, say(event))
    if not colour:
        return text
    code = COLOURS[layer]
    if event.kind in ("refused", "rst", "error"):
        code = COLOURS["bad"]
    elif layer == "ZMTP" and event.kind not in ("greeting", "ready"):
        code = MESSAGE
    return f"\x1b[{code}m{text}\x1b[0m"


def story_lines(name: str, story: Story, colour: bool = False) -> Iterator[str]:
    """Yield the whole story of a capture; `name` must be safe to show."""
    count = story.kept.count
    yield (
        f"{name}: {story.packets:,} packets in {story.seconds:.1f} s, "
        f"{count:,} ZMTP connection{'s' * (count != 1)}"
    )
    yield from remarks(story)
    for connection in story.connections:
        yield ""
        title = f"[{connection.number}] {heading(connection)}"
        yield f"\x1b[1m{title}\x1b[0m" if colour else title
        yield f"{'packet':>11} {'seconds':>11}  {'who':<15} {'layer':<8} what"
        for event in connection.events:
            yield line(connection, event, colour)
        yield from closing(connection)


def closing(connection: Connection) -> Iterable[str]:
    """Return what is to be said about a connection as a whole, below its events."""
    indent = " " * 25
    if connection.lost:
        yield f"{indent}lost sight of among too many others: what came later is not told"
        return
    if connection.counts.keys().isdisjoint(("fin", "rst", "refused")):
        yield f"{indent}still open when the capture ended"
    if connection.retransmitted:
        yield (
            f"{indent}segments that came again (sent twice or captured twice): "
            f"{connection.retransmitted:,}"
        )


def remarks(story: Story) -> Iterator[str]:
    """Yield what about the capture as a whole keeps it from being told in full."""
    if story.dropped:
        yield f"Dropped while it was captured: {story.dropped:,} packets, whose bytes are missing"
    if story.cut:
        yield f"Cut by the snap length: {story.cut:,} packets. Capture with -s 0 to keep all."
    if lost := story.segments.fragments:
        yield f"Fragments of IP packets whose other parts are not there: {lost:,}"
    if story.links:
        yield f"Not read: packets of link type {_links(story)}"
    past, dropped, kept = story.kept.past, story.streams.dropped, story.kept
    if past:
        which = ", ".join(f"{count:,} {pattern}" for pattern, count in past.items())
        yield (
            f"Not told: {sum(past.values()):,} of the ZMTP connections ({which}), since no more "
            f"than {CONNECTIONS:,} are kept"
        )
    if dropped:
        yield (
            f"Lost sight of: {dropped:,} TCP connections, since no more than {FLOWS:,} are "
            "followed at a time: what they carried later is missing, or told as begun before"
        )
    if story.unheard:
        yield f"Not told: {story.unheard:,} refused attempts of more than {REFUSED:,} clients"
    if kept.full:
        yield f"Told together from packet {kept.full} on: all messages of a kind, as they are many"


def _links(story: Story) -> str:
    return ", ".join(map(str, sorted(story.links)))


def nothing(story: Story, interface: str) -> str:
    """Say why no ZMTP was found in a capture, as far as that is known; `interface` is the lab's."""
    said = f"no ZMTP in its {story.packets:,} packets"
    if story.links:
        return f"{said}: packets of link type {_links(story)} cannot be read"
    if story.cut:
        return f"{said}: {story.cut:,} of them are cut by the snap length, capture with -s 0"
    if lost := story.segments.fragments:
        return f"{said}: {lost:,} of them are fragments whose other parts are not there"
    return f"{said}: was it captured on {interface}?"
