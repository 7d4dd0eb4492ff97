"""The story as text: a heading for each connection, then a line for each event."""

from collections.abc import Iterable, Iterator

from output.language import _, number, spoken
from output.words import direction, say, span
from story.losses import CONNECTIONS, FOLLOWED, REFUSED, Losses
from story.model import CLOSE, KINDS, LACK, OPEN, SHAKE, TALK, Connection, Event
from story.story import Story

COLOURS = {OPEN: "36", CLOSE: "36", SHAKE: "0", TALK: "32", LACK: "33"}
BAD = "31"
# TCP connections that carried nothing, by how far they came.
BARE = {
    "syn": lambda count: spoken().ngettext(
        "{number} attempt to connect was not answered: the SYN in packet {packet}",
        "{number} attempts to connect were not answered, the first: the SYN in packet {packet}",
        count,
    ),
    "syn-ack": lambda count: spoken().ngettext(
        "{number} attempt to connect was answered, not completed: the SYN in packet {packet}",
        "{number} attempts to connect were answered, not completed, the first: the SYN in packet "
        "{packet}",
        count,
    ),
    "ack": lambda count: spoken().ngettext(
        "{number} TCP connection carried not a byte: its SYN is packet {packet}",
        "{number} TCP connections carried not a byte: the first SYN is packet {packet}",
        count,
    ),
}
ROW = "%11s %11.6f  %-15s %-8s %s"  # twice as fast as an f-string, and there are many


def heading(connection: Connection) -> str:
    """Return who connected to whom, by socket type, and what they speak."""
    client, server = connection.role(connection.client), connection.role(connection.server)
    said = _("{client} connected to {server}")
    if connection.late:
        said = _("{client} and {server}")
    if connection.refused:
        said = _("{client} tried to connect to {server}")
    client, server = f"{client} {connection.client}", f"{server} {connection.server}"
    said = f"{connection.pattern}: {said.format(client=client, server=server)}"
    if connection.by_port:
        said += _(", types by the port")
    if connection.guess and "greeting-begun" in connection.counts:
        said += _(", a guess: no whole greeting proves it")
    elif connection.guess:
        said += _(", a guess: some of it does not read as ZMTP")
    if connection.version:
        said += f", ZMTP {connection.version}"
    return said + (f", {connection.mechanism}" if connection.mechanism else "")


def rows(connection: Connection, events: Iterable[Event], colour: bool = False) -> Iterator[str]:
    """Yield events of a connection as lines: packet, seconds, who to whom, layer, what."""
    client = connection.client
    there, back = direction(connection, client), direction(connection, connection.server)
    for event in events:
        kind = KINDS[event.kind]
        who = "" if kind.layer == "capture" else there if event.sender == client else back
        text = ROW % (span(event), event.time, who, kind.layer, say(event))
        if colour:
            code = BAD if kind.look == "bad" else COLOURS[kind.phase]
            text = f"\x1b[{code}m{text}\x1b[0m"
        yield text


def story_lines(name: str, story: Story, colour: bool = False) -> Iterator[str]:
    """Yield the whole story of a capture; `name` must be safe to show."""
    count = zmtp_count(story)
    yield (
        f"{name}: {story.packets:,} packets in {story.seconds:.1f} s, "
        f"{count:,} ZMTP connection{'s' * (count != 1)}"
    )
    yield from beside(story)
    yield from losses(story.losses)
    for connection in story.connections:
        yield ""
        title = f"[{connection.number}] {heading(connection)}"
        yield f"\x1b[1m{title}\x1b[0m" if colour else title
        yield f"{'packet':>11} {'seconds':>11}  {'who':<15} {'layer':<8} what"
        yield from rows(connection, connection.events, colour)
        yield from closing(connection)


def zmtp_count(story: Story) -> int:
    """Return how many connections of ZMTP there are, without guesses and refused attempts."""
    return story.store.count - story.store.guesses - story.store.attempts


def beside(story: Story) -> Iterator[str]:
    """Say what is told beside the connections of ZMTP, and is none."""
    ngettext, store = spoken().ngettext, story.store
    if store.guesses:
        yield ngettext(
            "{number} connection is only guessed to be ZMTP, by its port",
            "{number} connections are only guessed to be ZMTP, by their port",
            store.guesses,
        ).format(number=number(store.guesses))
    if store.attempts:
        yield ngettext(
            "{number} client was refused", "{number} clients were refused", store.attempts
        ).format(number=number(store.attempts))
    yield from bare(story)


def bare(story: Story) -> Iterator[str]:
    """Say how far connections at the lab's ports came that carried nothing."""
    for step, (count, packet) in story.told.bare.items():
        yield BARE[step](count).format(number=number(count), packet=packet)


def closing(connection: Connection) -> Iterable[str]:
    """Return what is to be said about a connection as a whole, below its events."""
    indent = " " * 25
    if connection.lost:
        yield indent + _("lost sight of among too many others: what came later is not told")
        return
    if connection.counts.keys().isdisjoint(("fin", "rst", "refused")):
        yield indent + _("still open when the capture ended")
    if "encrypted" in connection.counts:
        yield indent + _(
            "encrypted: which frames are messages, parts of one, or commands, cannot be told"
        )
    if connection.retransmitted:
        said = _("segments that came again (sent twice or captured twice): {count}")
        yield indent + said.format(count=number(connection.retransmitted))


def losses(found: Losses) -> Iterator[str]:
    """Say what of a capture could not be told, a sentence for each cause."""

    def ngettext(one: str, more: str, many: int, **fields: object) -> str:
        return spoken().ngettext(one, more, many).format(number=number(many), **fields)

    if found.dropped:
        yield ngettext(
            "{number} packet was dropped by the kernel: what it carried is missing",
            "{number} packets were dropped by the kernel: what they carried is missing",
            found.dropped,
        )
    if found.cut:
        yield ngettext(
            "{number} packet is cut by the snap length: capture with -s 0",
            "{number} packets are cut by the snap length: capture with -s 0",
            found.cut,
        )
    if found.fragments:
        yield ngettext(
            "{number} packet is a fragment whose other parts are not there",
            "{number} packets are fragments whose other parts are not there",
            found.fragments,
        )
    for link, count in found.links.items():
        yield ngettext(
            "{number} packet is of link type {link}, which cannot be read",
            "{number} packets are of link type {link}, which cannot be read",
            count,
            link=link,
        )
    for name, count in found.unread.items():
        yield ngettext(
            "{number} packet is {name}, which is not unwrapped",
            "{number} packets are {name}, which is not unwrapped",
            count,
            name=name,
        )
    if found.left_out:
        which = ", ".join(f"{count:,} {pattern}" for pattern, count in found.left_out.items())
        yield _(
            "Not told: {number} of the ZMTP connections ({which}), since no more than {most} are "
            "kept"
        ).format(number=number(sum(found.left_out.values())), which=which, most=number(CONNECTIONS))
    if found.evicted:
        yield _(
            "Lost sight of: {number} TCP connections, since no more than {most} are followed at a "
            "time: what they carried later is missing, or told as begun before"
        ).format(number=number(found.evicted), most=number(FOLLOWED))
    if found.unheard:
        yield _("Not told: {number} refused attempts of more than {most} clients").format(
            number=number(found.unheard), most=number(REFUSED)
        )
    if found.back:
        packet, seconds = found.back
        yield _(
            "The clock goes back by {seconds} s at packet {number}: times across it say nothing"
        ).format(seconds=number(seconds, 3), number=packet)
    if found.together:
        yield _(
            "Told together from packet {number} on: all messages of a kind, as they are many"
        ).format(number=found.together)


def nothing(story: Story, interface: str) -> str:
    """Say why no ZMTP was found in a capture, as far as that is known; `interface` is the lab's."""
    if not story.packets:
        return _("it holds no packet: nothing passed while it was captured")
    cause = _("was it captured on {interface}?")
    if story.store.guesses:
        cause = _("what passed on the lab's ports does not read as ZMTP")
    cause = next(losses(story.losses), next(bare(story), cause))
    said = _("no ZMTP in its {number} packets: {cause}")
    return said.format(number=number(story.packets), cause=cause.format(interface=interface))
