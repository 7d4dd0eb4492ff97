"""Names for the addresses of a capture (zmq-req), and events with shorter texts."""

from collections.abc import Iterable
from dataclasses import replace

from story.model import Connection, Event


def host(address: str) -> str:
    """Return the IP address in "ip:port", without the brackets of IPv6."""
    return address.rpartition(":")[0].strip("[]")


def hosts(connections: Iterable[Connection]) -> dict[str, str]:
    """Return IP address -> the service of the lab with its socket type, "zmq-sub".

    Several of a type have their address too, "zmq-sub-172.18.0.5": a capture does not say which
    number Compose has given to each. Names of an address with several types are joined by "+".
    """
    found: dict[str, dict[str, None]] = {}  # type -> addresses
    for connection in connections:
        for address, kind in (
            (connection.client, connection.client_type),
            (connection.server, connection.server_type),
        ):
            if kind:
                found.setdefault(kind, {})[host(address)] = None
    names: dict[str, str] = {}
    for kind, addresses in found.items():
        for address in addresses:
            name = f"zmq-{kind.lower()}" + f"-{address}" * (len(addresses) > 1)
            names[address] = f"{names[address]}+{name}" if address in names else name
    return names


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
