"""Names by role for the addresses of a capture (zmq-req, …), and events with shorter texts."""

from collections.abc import Iterable
from dataclasses import replace

from story.model import Connection, Event


def host(address: str) -> str:
    """Return the IP address in "ip:port", without the brackets of IPv6."""
    return address.rpartition(":")[0].strip("[]")


def roles(connections: Iterable[Connection]) -> dict[tuple[str, str], str]:
    """Return (IP address, socket type) -> "zmq-sub", of the second such address "zmq-sub-2"."""
    names: dict[tuple[str, str], str] = {}
    taken: dict[str, int] = {}
    for connection in connections:
        for address, kind in (
            (connection.client, connection.client_type),
            (connection.server, connection.server_type),
        ):
            key = (host(address), kind)
            if kind and key not in names:
                taken[kind] = taken.get(kind, 0) + 1
                number = f"-{taken[kind]}" if taken[kind] > 1 else ""
                names[key] = f"zmq-{kind.lower()}{number}"
    return names


def hosts(connections: Iterable[Connection]) -> dict[str, str]:
    """Return IP address -> name; an address with several roles has their names joined by "+"."""
    joined: dict[str, str] = {}
    for (address, _), name in roles(connections).items():
        joined[address] = f"{joined[address]}+{name}" if address in joined else name
    return joined


def named(connection: Connection, names: dict[tuple[str, str], str]) -> dict[str, str]:
    """Return "ip:port" -> name of the two sides of a connection."""
    return {
        address: names.get((host(address), connection.role(address)), "")
        for address in (connection.client, connection.server)
    }


def shorten(event: Event, limit: int, end: int = 0) -> Event:
    """Return a copy of the event with texts of at most `limit` characters, the last `end` kept."""

    def cut(text: str) -> str:
        return (
            text if len(text) <= limit else text[: limit - end - 1] + "…" + text[len(text) - end :]
        )

    return replace(
        event,
        text=cut(event.text),
        topic=cut(event.topic),
        last_text=cut(event.last_text),
        texts=[cut(text) for text in event.texts],
        identity=cut(event.identity),
        metadata=[(cut(name), cut(value)) for name, value in event.metadata],
    )
