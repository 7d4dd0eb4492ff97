"""Says an event in words, and what could not be told, for every output that people read."""

from collections.abc import Iterator

from output.language import _, number, spoken
from story.losses import CONNECTIONS, FOLLOWED, REFUSED, Losses
from story.model import Connection, Event
from story.story import Story

LINE = 200  # characters of a text that are shown in a line
TCP = {
    "syn": lambda: _("SYN: asks for a TCP connection"),
    "syn-ack": lambda: _("SYN, ACK: accepts it"),
    "ack": lambda: _("ACK: the TCP connection is open"),
    "refused": lambda: _("RST: refused, no one listens on this port"),
    "fin": lambda: _("FIN: closes, it sends no more"),
    "rst": lambda: _("RST: breaks the connection off"),
    "late": lambda: _("begun before the capture: what came earlier cannot be told"),
}


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
    if found.together:
        yield _(
            "Told together from packet {number} on: all messages of a kind, as they are many"
        ).format(number=found.together)


def nothing(story: Story, interface: str) -> str:
    """Say why no ZMTP was found in a capture, as far as that is known; `interface` is the lab's."""
    cause = next(losses(story.losses), _("was it captured on {interface}?"))
    said = _("no ZMTP in its {number} packets: {cause}")
    return said.format(number=number(story.packets), cause=cause.format(interface=interface))


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
        said = TCP[kind]() + _times(event)
    elif kind in HANDSHAKE:
        said = HANDSHAKE[kind](event)
    elif kind == "gap":
        said = _bytes(event.size)
    elif event.count > 1:
        said = _run(event)
    else:
        said = _one(event)
    return f"{said} ({event.note})" if event.note else said


def _bytes(size: int) -> str:
    return _("{size} bytes").format(size=number(size))


def _times(event: Event) -> str:
    return _(", {count} times").format(count=event.count) if event.count > 1 else ""


def _greeting(event: Event) -> str:
    said = f"greeting: ZMTP {event.version}"
    if event.mechanism:
        said += _(", mechanism {name}").format(name=event.mechanism)
        said += _(", as server") * event.as_server
    return said + _(", socket type {name}").format(name=event.socket_type) * bool(event.socket_type)


def _ready(event: Event) -> str:
    said = event.kind.upper()
    if not event.socket_type:
        return said + (f": {event.text}" if event.text else "")
    said += _(": socket type {name}").format(name=event.socket_type)
    if event.identity:
        said += _(', identity "{name}"').format(name=event.identity)
    return said + "".join(f', {name} "{value}"' for name, value in event.metadata)


def _filter(event: Event) -> str:
    said = _('SUBSCRIBE to "{topic}"') if event.kind == "subscribe" else _('CANCEL of "{topic}"')
    said = said.format(topic=event.text) + _(", that is every topic") * (not event.text)
    return said + (_(", and {more} more").format(more=event.count - 1) if event.count > 1 else "")


def _plain(event: Event) -> str:
    return event.kind.upper() + (f": {event.text}" if event.text else "") + _times(event)


def _identity(event: Event) -> str:
    return _('identity "{name}"').format(name=event.text) if event.text else _("no identity")


HANDSHAKE = {"greeting": _greeting, "ready": _ready, "initiate": _ready, "identity": _identity}
HANDSHAKE |= {"subscribe": _filter, "cancel": _filter}
HANDSHAKE |= dict.fromkeys(("hello", "welcome", "error", "ping", "pong", "command"), _plain)


def _quoted(text: str) -> str:
    """Return a text in quotes, shortened to a line or two."""
    return f'"{text if len(text) <= LINE else text[: LINE - 1] + "…"}"'


ONE = {  # what a single message is called, with its text and without one
    "request": lambda: (_("request {text}"), _("empty request")),
    "reply": lambda: (_("reply {text}"), _("empty reply")),
    "published": lambda: (_("published {text}"), _("empty published")),
    "job": lambda: (_("job {text}"), _("empty job")),
    "message": lambda: (_("message {text}"), _("empty message")),
}


def _one(event: Event) -> str:
    """Say a message."""
    if event.kind == "encrypted":
        return _("encrypted message, {size} bytes").format(size=number(event.size))
    if event.kind == "job" and event.value is not None:
        return _("job {value} (a pickled int)").format(value=event.value)
    full, empty = ONE[event.kind]()
    said = full.format(text=_quoted(event.text)) if event.text else empty
    if event.size > 200:
        said += f", {_bytes(event.size)}"
    bodies = sum(part.role == "body" for part in event.parts)
    if bodies > 1:
        said += _(" in {count} ZMTP frames").format(count=bodies)
    said += _before(event)
    if event.round_trip is not None:
        ms = number(event.round_trip * 1000, 2)
        said += _(", {ms} ms after its request").format(ms=ms)
    return said


def _before(event: Event) -> str:
    """Name the frames before the message itself (RFC 28)."""
    roles = [part.role for part in event.parts]
    if "delimiter" not in roles:
        return ""
    part = event.parts[roles.index("delimiter")]
    said = _(" after the empty delimiter")
    if part.packet != event.packet:
        said += _(" in packet {packet}").format(packet=part.packet)
    envelope = roles.count("envelope")
    return said + (_(" and an envelope of {count}").format(count=envelope) if envelope else "")


MANY = {
    "request": lambda: _("{count} requests"),
    "reply": lambda: _("{count} replies"),
    "published": lambda: _("{count} messages published"),
    "job": lambda: _("{count} jobs"),
    "message": lambda: _("{count} messages"),
    "encrypted": lambda: _("{count} encrypted messages"),
}


def _run(event: Event) -> str:
    """Say a run of like messages: count, rate, and what they say."""
    rate = f", {number(event.rate, 1)}/s" if event.rate else ""
    first, last = event.texts[0], event.last_text
    said = MANY[event.kind]().format(count=number(event.count))
    if event.kind == "encrypted":
        return f"{said}{rate}, {_bytes(event.size)}"
    if event.kind == "job":
        more = ", …" if event.count > len(event.texts) else ""
        return f"{said}{rate}: {', '.join(event.texts)}{more}"
    if event.topic and all(text.startswith(event.topic) for text in (*event.texts, last)):
        said += _(" under {topic}").format(topic=event.topic)
    if first == last and len(set(event.texts)) == 1:
        said += f" {_quoted(first)}{rate}"
    else:
        between = _(", from {first} to {last}")
        said += rate + between.format(first=_quoted(first), last=_quoted(last))
    said += _(", each") + _before(event) if _before(event) else ""
    if event.round_trip is not None:
        ms = number(event.round_trip * 1000, 2)
        said += _(", {ms} ms after its request on average").format(ms=ms)
    return said


def took(connection: Connection) -> dict[str, str]:
    """Return how long each handshake took, by its phase: {"tcp-opens": "0.06 ms", …}."""
    firsts, times = connection.firsts, {}
    if "syn" in firsts and "ack" in firsts:
        times["tcp-opens"] = firsts["ack"].time - firsts["syn"].time
    sides = ("client", "server")
    greeted, ready = ([firsts.get(f"{kind} {side}") for side in sides] for kind in SHAKEN)
    if all(greeted) and all(ready):
        first = min(event.time for event in greeted if event)
        times["zmtp"] = max(event.time for event in ready if event) - first
    return {name: _("{ms} ms").format(ms=number(time * 1000, 2)) for name, time in times.items()}


SHAKEN = ("greeting", "ready")  # with what the handshake of ZMTP begins and ends
