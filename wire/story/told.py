"""How a story is told, and what is gathered over all its connections."""

from typing import NamedTuple

from story.sequence import Sequence
from story.store import ConnectionStore
from tcp.connection import TCPConnection
from zmtp.patterns import Ports

STEPS = ("syn", "syn-ack", "ack")  # with which TCP opens a connection


class Told(NamedTuple):
    """What the sessions of a story share."""

    store: ConnectionStore
    ports: Ports
    expect: bytes  # what a request should be
    waiting: dict[TCPConnection, float]  # those in which events wait -> when to tell them
    # How far connections at the lab's ports came that carried nothing -> their number, and the
    # packet of the first SYN.
    bare: dict[str, tuple[int, int]]
    opening: dict[TCPConnection, float] | None  # those that nothing is known of, if they are told

    def types(self, tcp: TCPConnection) -> tuple[str, str] | None:
        """Return the socket types of client and server that the port suggests."""
        return self.ports.get(int.from_bytes(tcp.client_key[-2:]))

    def expected(self, tcp: TCPConnection) -> bool:
        """Tell whether it should be ZMTP: its port says so, or it was seen at that server."""
        return bool(self.types(tcp)) or tcp.server in self.store.servers

    def note_bare(self, tcp: TCPConnection, sequence: Sequence) -> None:
        """Count a connection that carried nothing, if ZMTP was meant and it was not refused."""
        steps = {what.kind: what.packet for _, what in sequence.entries}
        if self.expected(tcp) and "syn" in steps and "refused" not in steps:
            last = max((step for step in STEPS if step in steps), key=STEPS.index)
            count, first = self.bare.get(last, (0, steps["syn"]))
            self.bare[last] = count + 1, first
