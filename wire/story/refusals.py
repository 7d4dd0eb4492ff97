"""Attempts to connect that were refused: those of a client at a server are told as one connection.

An attempt is told where ZMTP is meant: the port says so, or it was seen at that server, perhaps
later in the capture.
"""

from collections import deque

from story.losses import REFUSED
from story.model import New
from story.session import FOLLOW, IGNORE, Session
from story.told import Told
from tcp.connection import StreamEvent, TCPConnection

Pair = tuple[str, str]  # a client's address, and "ip:port" of a server
Refusal = tuple[TCPConnection, int, StreamEvent]


class Refusals:
    """The refused attempts of a capture."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.sessions: dict[Pair, Session] = {}
        self.beyond = 0  # attempts of others than these
        self.unsure: dict[Pair, deque[Refusal]] = {}  # where ZMTP was not seen so far
        self.held = 0  # of those, the last REFUSED attempts
        self.forgotten: dict[str, int] = {}  # server -> attempts before them

    @property
    def untold(self) -> int:
        """Return how many attempts are not told."""
        seen = self.told.store.servers
        return self.beyond + sum(many for at, many in self.forgotten.items() if at in seen)

    def take(self, tcp: TCPConnection, side: int, happened: StreamEvent, new: New) -> str:
        """Take an attempt, and return what becomes of its TCP connection (see session.py)."""
        pair = (tcp.client.rpartition(":")[0], tcp.server)
        if int.from_bytes(tcp.client_key[-2:]) in self.told.ports or self._seen(pair):
            self._tell_held(pair, new)
            return self._tell(pair, (tcp, side, happened), new)
        self.unsure.setdefault(pair, deque()).append((tcp, side, happened))
        self.held += 1
        if self.held > REFUSED:
            self._forget(next(iter(self.unsure)))
        return IGNORE

    def end(self, new: New) -> None:
        """Tell those that were refused where ZMTP was seen later."""
        for pair in filter(self._seen, list(self.unsure)):
            self._tell_held(pair, new)

    def _seen(self, pair: Pair) -> bool:
        return pair[1] in self.told.store.servers

    def _forget(self, pair: Pair) -> None:
        held, server = self.unsure[pair], pair[1]
        held.popleft()
        self.held -= 1
        if not held:
            del self.unsure[pair]
        if server in self.forgotten or len(self.forgotten) < REFUSED:
            self.forgotten[server] = self.forgotten.get(server, 0) + 1

    def _tell_held(self, pair: Pair, new: New) -> None:
        for refusal in self.unsure.pop(pair, ()):
            self.held -= 1
            self._tell(pair, refusal, new)

    def _tell(self, pair: Pair, refusal: Refusal, new: New) -> str:
        session = self.sessions.get(pair)
        if session is None:
            if len(self.sessions) >= REFUSED:
                self.beyond += 1
                return FOLLOW
            session = Session(self.told)
        fate = session.refuse(*refusal, new)
        if fate == FOLLOW:
            self.sessions[pair] = session
        return fate
