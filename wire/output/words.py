"""Says an event in words, for every output that people read.

What a line says of a run is true of each event in it: see story/runs.py.
"""

from output.language import _, number, spoken
from story.messages import ABSENT, DISCARDED, HEADLESS
from story.model import Connection, Event

LINE = 200  # characters of a text that are shown in a line
TCP = {
    "syn": lambda: _("SYN: asks for a TCP connection"),
    "syn-ack": lambda: _("SYN, ACK: accepts it"),
    "ack": lambda: _("ACK: the TCP connection is open"),
    "refused": lambda: _("RST: refused, no one listens on this port"),
    "fin": lambda: _("FIN: closes, it sends no more"),
    "rst": lambda: _("RST: breaks the connection off"),
    "ignored": lambda: _("ignored by the receiver"),
    "differs": lambda: _("sent again with other bytes: what came first is told"),
    "late": lambda: _("begun before the capture: what came earlier cannot be told"),
}
NOTES = {  # those that a reader of the page is likely to meet; the others are English everywhere
    DISCARDED: lambda: _("without the empty delimiter: REP discards it"),
    HEADLESS: lambda: _("its beginning is not in the capture"),
    ABSENT: lambda: _("not in the capture"),
}


def span(event: Event) -> str:
    """Return the packet number of an event, or the range of a run: "9" or "9–120"."""
    packet, last = event.packet, event.last_packet
    return f"{packet}–{last}" if last and last != packet else str(packet)


def label(connection: Connection, event: Event) -> str:
    """Say an event in one line of plain text: who to whom, what."""
    return f"{direction(connection, event.sender)} {say(event)}"


def direction(connection: Connection, sender: str) -> str:
    """Return "REQ → REP": the socket types of a sender and of the receiver."""
    client, server = connection.client_type or "client", connection.server_type or "server"
    return f"{client} → {server}" if sender == connection.client else f"{server} → {client}"


def say(event: Event) -> str:
    """Say what passed: 'reply "World", 0.42 ms after its request', '60 jobs, 1.0/s: 3, 5, …'."""
    kind = event.kind
    if kind in TCP:
        said = TCP[kind]()
        if event.count > 1:
            said += _times(event)
    elif kind in SAID:
        said = SAID[kind](event) + _times(event)
    elif kind == "gap":
        said = _bytes(event.size) + _times(event)
    elif kind in TOPICS:
        said = _topics(event)
    elif event.count > 1:
        said = _run(event)
    else:
        said = _one(event)
    if event.noted:
        note = _("{count} of them with a remark that --all tells").format(count=event.noted)
        return f"{said} ({note})"
    if event.note:
        note = NOTES[event.note]() if event.note in NOTES else event.note
        return f"{said} ({note})"
    return said


def _bytes(size: int) -> str:
    ngettext = spoken().ngettext
    return ngettext("{size} byte", "{size} bytes", size).format(size=number(size))


def _begun(event: Event) -> str:
    """Say how far a side came with what it has begun."""
    said, size = BEGUN[event.kind](), _bytes(event.size)
    said += f", ZMTP {event.version}" * bool(event.version)
    if event.frames:
        many = spoken().ngettext("{count} ZMTP frame", "{count} ZMTP frames", event.frames)
        size = f"{many.format(count=number(event.frames))}, {size}"
    elif event.whole:
        size = _("{size} of {whole}").format(size=number(event.size), whole=_bytes(event.whole))
    return said + _(": it stops after {size}").format(size=size)


def _times(event: Event) -> str:
    """Say how many there are of the one that was said."""
    if event.count == 1:
        return ""
    alike = event.same and event.alike
    said = _(", {count} times") if alike else _(", the first of {count}")
    return said.format(count=number(event.count))


def _greeting(event: Event) -> str:
    said = f"greeting: ZMTP {event.version}"
    if event.mechanism:
        said += _(", mechanism {name}").format(name=event.mechanism)
    if event.as_server:
        said += _(", as server")
    if event.socket_type:
        said += _(", socket type {name}").format(name=event.socket_type)
    return said


def _ready(event: Event) -> str:
    said = event.kind.upper()
    if not event.socket_type:
        return said + (f": {event.text}" if event.text else "")
    said += _(": socket type {name}").format(name=event.socket_type)
    if event.identity:
        said += _(', identity "{name}"').format(name=event.identity)
    return said + "".join(f', {name} "{value}"' for name, value in event.metadata)


def _topics(event: Event) -> str:
    """Say a subscription, or several: all topics by name, of many the first few."""
    said = TOPICS[event.kind]()
    if event.count == 1 or event.same:
        empty = _(", that is every topic") * (not event.text and event.kind in FILTERS)
        return said.format(topics=f'"{event.text}"') + empty + _times(event)
    named = ", ".join(f'"{text}"' for text in event.texts)
    more = event.count - len(event.texts)
    said = said.format(topics=named)
    return said + (_(", and {more} more").format(more=number(more)) if more else "")


def _plain(event: Event) -> str:
    return event.kind.upper() + (f": {event.text}" if event.text else "")


def _identity(event: Event) -> str:
    return _('identity "{name}"').format(name=event.text) if event.text else _("no identity")


SAID = {"greeting": _greeting, "ready": _ready, "initiate": _ready, "identity": _identity}
SAID |= dict.fromkeys(("hello", "welcome", "error", "ping", "pong", "command"), _plain)
BEGUN = {
    "greeting-begun": lambda: _("greeting begun"),
    "command-begun": lambda: _("command begun"),
    "message-begun": lambda: _("message begun"),
}
SAID |= dict.fromkeys(BEGUN, _begun)

FILTERS = ("subscribe", "cancel")
TOPICS = {
    "subscribe": lambda: _("SUBSCRIBE to {topics}"),
    "cancel": lambda: _("CANCEL of {topics}"),
    "join": lambda: _("JOIN of group {topics}"),
    "leave": lambda: _("LEAVE of group {topics}"),
}


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
        return _("encrypted frame, {size} bytes").format(size=number(event.size))
    if event.kind == "job" and event.value is not None:
        return _("job {value} (a pickled int)").format(value=event.value)
    full, empty = ONE[event.kind]()
    said = full.format(text=_quoted(event.text)) if event.text else empty
    if event.size > 200:
        said += f", {_bytes(event.size)}"
    bodies = sum(part.role == "body" for part in event.parts)
    bodies += max(0, event.frames - len(event.parts))
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
    if part.packet != event.packet and event.count == 1:
        said += _(" in packet {packet}").format(packet=part.packet)
    envelope = roles.count("envelope")
    return said + (_(" and an envelope of {count}").format(count=envelope) if envelope else "")


MANY = {
    "request": lambda: _("{count} requests"),
    "reply": lambda: _("{count} replies"),
    "published": lambda: _("{count} messages published"),
    "job": lambda: _("{count} jobs"),
    "message": lambda: _("{count} messages"),
    "encrypted": lambda: _("{count} encrypted frames"),
}


def _run(event: Event) -> str:
    """Say a run of like messages: count, rate, and what they say."""
    speed = event.rate
    rate = f", {number(speed, 1)}/s" if speed else ""
    first, last = event.texts[0], event.last_text
    said = MANY[event.kind]().format(count=number(event.count))
    if event.kind == "encrypted":
        return f"{said}{rate}, {_bytes(event.size)}"
    if event.kind == "job":
        more = ", …" if event.count > len(event.texts) else ""
        return f"{said}{rate}: {', '.join(event.texts)}{more}"
    if event.topic:
        said += _(" under {topic}").format(topic=event.topic)
    if event.same:
        said += f" {_quoted(first)}{rate}"
    else:
        between = _(", from {first} to {last}")
        said += rate + between.format(first=_quoted(first), last=_quoted(last))
    if event.alike and (before := _before(event)):
        said += _(", each") + before
    if event.round_trip is not None:
        ms = number(event.round_trip * 1000, 2)
        said += _(", {ms} ms after its request on average").format(ms=ms)
        if event.timed < event.count:
            said += _(" of {count}").format(count=number(event.timed))
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
    return {
        name: _("{ms} ms").format(ms=number(time * 1000, 2))
        for name, time in times.items()
        if time >= 0  # else the clock was set back meanwhile
    }


SHAKEN = ("greeting", "ready")  # with what the handshake of ZMTP begins and ends
