"""Says an event in words, and what could not be told, for every output that people read."""

from collections.abc import Iterator
from gettext import NullTranslations

from story.losses import CONNECTIONS, FOLLOWED, REFUSED, Losses
from story.model import Connection, Event
from story.story import Story

LINE = 200  # characters of a text that are shown in a line
TCP = {
    "syn": "SYN: asks for a TCP connection",
    "syn-ack": "SYN, ACK: accepts it",
    "ack": "ACK: the TCP connection is open",
    "refused": "RST: refused, no one listens on this port",
    "fin": "FIN: closes, it sends no more",
    "rst": "RST: breaks the connection off",
    "late": "begun before the capture: what came earlier cannot be told",
}

ENGLISH = NullTranslations()  # what programs read, and the story, are so in every language


def losses(found: Losses, language: NullTranslations = ENGLISH) -> Iterator[str]:
    """Say what of a capture could not be told, a sentence for each cause."""
    _ = language.gettext

    def ngettext(one: str, more: str, number: int, **fields: object) -> str:
        return language.ngettext(one, more, number).format(number=f"{number:,}", **fields)

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
    if found.left_out:
        which = ", ".join(f"{count:,} {pattern}" for pattern, count in found.left_out.items())
        yield _(
            "Not told: {number} of the ZMTP connections ({which}), since no more than {most} are "
            "kept"
        ).format(number=f"{sum(found.left_out.values()):,}", which=which, most=f"{CONNECTIONS:,}")
    if found.evicted:
        yield _(
            "Lost sight of: {number} TCP connections, since no more than {most} are followed at a "
            "time: what they carried later is missing, or told as begun before"
        ).format(number=f"{found.evicted:,}", most=f"{FOLLOWED:,}")
    if found.unheard:
        yield _("Not told: {number} refused attempts of more than {most} clients").format(
            number=f"{found.unheard:,}", most=f"{REFUSED:,}"
        )
    if found.together:
        yield _(
            "Told together from packet {number} on: all messages of a kind, as they are many"
        ).format(number=found.together)


def nothing(story: Story, interface: str, language: NullTranslations = ENGLISH) -> str:
    """Say why no ZMTP was found in a capture, as far as that is known; `interface` is the lab's."""
    _ = language.gettext
    cause = next(losses(story.losses, language), _("was it captured on {interface}?"))
    said = _("no ZMTP in its {number} packets: {cause}")
    return said.format(number=f"{story.packets:,}", cause=cause.format(interface=interface))


def span(event: Event) -> str:
    """Return the packet number of an event, or the range of a run: "9" or "9–120"."""
    return f"{event.packet}–{event.last_packet}" if event.count > 1 else str(event.packet)


def label(connection: Connection, event: Event) -> str:
    """Say an event in one line of plain text: who to whom, what."""
    return f"{direction(connection, event)} {say(event)}"


def direction(connection: Connection, event: Event) -> str:
    """Return "REQ → REP": the socket types of the sender and of the receiver."""
    client, server = connection.client_type or "client", connection.server_type or "server"
    return f"{client} → {server}" if event.sender == connection.client else f"{server} → {client}"


def say(event: Event) -> str:
    """Say what passed: 'reply "World", 0.42 ms after its request', '60 jobs, 1.0/s: 3, 5, …'."""
    kind = event.kind
    if kind in TCP:
        said = TCP[kind] + (f", {event.count} times" if event.count > 1 else "")
    elif kind in HANDSHAKE:
        said = HANDSHAKE[kind](event)
    elif kind == "gap":
        said = f"{event.size:,} bytes"
    elif event.count > 1:
        said = _run(event)
    else:
        said = _one(event)
    return f"{said} ({event.note})" if event.note else said


def _greeting(event: Event) -> str:
    said = f"greeting: ZMTP {event.version}"
    if event.mechanism:
        said += f", mechanism {event.mechanism}" + ", as server" * event.as_server
    return said + (f", socket type {event.socket_type}" if event.socket_type else "")


def _ready(event: Event) -> str:
    said = event.kind.upper()
    if not event.socket_type:
        return said + (f": {event.text}" if event.text else "")
    said += f": socket type {event.socket_type}"
    if event.identity:
        said += f', identity "{event.identity}"'
    return said + "".join(f', {name} "{value}"' for name, value in event.metadata)


def _filter(event: Event) -> str:
    verb = "SUBSCRIBE to" if event.kind == "subscribe" else "CANCEL of"
    said = f'{verb} "{event.text}"' + (", that is every topic" if not event.text else "")
    return said + (f", and {event.count - 1} more" if event.count > 1 else "")


def _plain(event: Event) -> str:
    said = event.kind.upper() + (f": {event.text}" if event.text else "")
    return said + (f", {event.count} times" if event.count > 1 else "")


HANDSHAKE = {"greeting": _greeting, "ready": _ready, "initiate": _ready}
HANDSHAKE |= {"subscribe": _filter, "cancel": _filter}
HANDSHAKE |= dict.fromkeys(("hello", "welcome", "error", "ping", "pong", "command"), _plain)
HANDSHAKE["identity"] = lambda event: f'identity "{event.text}"' if event.text else "no identity"


def _quoted(text: str) -> str:
    """Return a text in quotes, shortened to a line or two."""
    return f'"{text if len(text) <= LINE else text[: LINE - 1] + "…"}"'


def _one(event: Event) -> str:
    """Say a message."""
    if event.kind == "encrypted":
        return f"encrypted message, {event.size:,} bytes"
    if event.kind == "job" and event.value is not None:
        return f"job {event.value} (a pickled int)"
    said = f"{event.kind} {_quoted(event.text)}" if event.text else f"empty {event.kind}"
    if event.size > 200:
        said += f", {event.size:,} bytes"
    bodies = sum(part.role == "body" for part in event.parts)
    if bodies > 1:
        said += f" in {bodies} ZMTP frames"
    said += _before(event)
    if event.round_trip is not None:
        said += f", {event.round_trip * 1000:.2f} ms after its request"
    return said


def _before(event: Event) -> str:
    """Name the frames before the message itself (RFC 28)."""
    roles = [part.role for part in event.parts]
    if "delimiter" not in roles:
        return ""
    part = event.parts[roles.index("delimiter")]
    said = " after the empty delimiter"
    if part.packet != event.packet:
        said += f" in packet {part.packet}"
    envelope = roles.count("envelope")
    return said + (f" and an envelope of {envelope}" if envelope else "")


def _run(event: Event) -> str:
    """Say a run of like messages: count, rate, and what they say."""
    rate = f", {event.rate:,.1f}/s" if event.rate else ""
    first, last = event.texts[0], event.last_text
    noun = {"published": "messages published", "reply": "replies"}.get(event.kind)
    noun = noun or ("encrypted messages" if event.kind == "encrypted" else event.kind + "s")
    said = f"{event.count:,} {noun}"
    if event.kind == "encrypted":
        return f"{said}{rate}, {event.size:,} bytes"
    if event.kind == "job":
        more = ", …" if event.count > len(event.texts) else ""
        return f"{said}{rate}: {', '.join(event.texts)}{more}"
    if event.topic and all(text.startswith(event.topic) for text in (*event.texts, last)):
        said += f" under {event.topic}"
    if first == last and len(set(event.texts)) == 1:
        said += f" {_quoted(first)}{rate}"
    else:
        said += f"{rate}, from {_quoted(first)} to {_quoted(last)}"
    said += ", each" + _before(event) if _before(event) else ""
    if event.round_trip is not None:
        said += f", {event.round_trip * 1000:.2f} ms after its request on average"
    return said
