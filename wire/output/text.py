"""The story as text: a heading for each connection, then a line for each event."""

from collections.abc import Iterable, Iterator

from output.language import _, number
from output.words import direction, losses, say, span
from story.model import CLOSE, KINDS, LACK, OPEN, SHAKE, TALK, Connection, Event
from story.story import Story

COLOURS = {OPEN: "36", CLOSE: "36", SHAKE: "0", TALK: "32", LACK: "33"}
BAD = "31"
ROW = "%11s %11.6f  %-15s %-8s %s"  # twice as fast as an f-string, and there are many


def heading(connection: Connection) -> str:
    """Return who connected to whom, by socket type, and what they speak."""
    client, server = connection.role(connection.client), connection.role(connection.server)
    said = _("{client} connected to {server}")
    if connection.late:
        said = _("{client} and {server}")
    if set(connection.counts) == {"refused"}:
        said = _("{client} tried to connect to {server}")
    client, server = f"{client} {connection.client}", f"{server} {connection.server}"
    said = f"{connection.pattern}: {said.format(client=client, server=server)}"
    if connection.by_port:
        said += _(", types by the port")
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
    kind = KINDS[event.kind]
    code = BAD if kind.look == "bad" else COLOURS[kind.phase]
    return f"\x1b[{code}m{text}\x1b[0m"


def story_lines(name: str, story: Story, colour: bool = False) -> Iterator[str]:
    """Yield the whole story of a capture; `name` must be safe to show."""
    count = story.store.count
    yield (
        f"{name}: {story.packets:,} packets in {story.seconds:.1f} s, "
        f"{count:,} ZMTP connection{'s' * (count != 1)}"
    )
    yield from losses(story.losses)
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
        yield indent + _("lost sight of among too many others: what came later is not told")
        return
    if connection.counts.keys().isdisjoint(("fin", "rst", "refused")):
        yield indent + _("still open when the capture ended")
    if connection.retransmitted:
        said = _("segments that came again (sent twice or captured twice): {count}")
        yield indent + said.format(count=number(connection.retransmitted))
