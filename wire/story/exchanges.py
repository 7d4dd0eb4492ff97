"""Which request a reply answers, as far as that is known (RFC 28).

REP answers each request of a connection, one after the other. REQ waits for a reply before it asks
again, so that a second request without a reply in between says that it is relaxed. Whoever else
answers REQ (ROUTER) may do so in any order, or not at all. What stands before the empty delimiter,
the envelope, comes back with the reply: the request's number, where REQ correlates, or who asked.
What the capture lacks may have held requests, or replies: then nothing is known for a while. A
reply whose request is not known for sure has none.
"""

from collections import deque

MOST = 10_000  # requests of a connection, and envelopes, that are remembered
Asked = tuple[int, float] | None  # number of a request and its time; None: which one is not known


class Waiting:
    """The requests with the same envelope that wait for a reply, the oldest first."""

    __slots__ = ("beyond", "requests", "sure")

    def __init__(self) -> None:
        self.requests: deque[Asked] = deque()
        self.beyond = 0  # later ones that are not remembered
        self.sure = 0  # at least so many of the last still wait

    def add(self, request: Asked) -> None:
        self.sure += 1
        if self.beyond or len(self.requests) >= MOST:
            self.beyond += 1
        else:
            self.requests.append(request)

    def take(self, in_order: bool) -> Asked:
        """Return the request that a reply answers, None if that is not known."""
        count = len(self.requests) + self.beyond
        known = max(self.sure, 1) == count
        self.sure = max(self.sure, 1) - 1
        if not in_order and count > 1:  # it may be any of them, and so may the rest
            self.requests = deque([None] * (len(self.requests) - 1))
            return None
        if not self.requests:
            self.beyond -= 1
            return None
        request = self.requests.popleft()
        return request if known else None


class Exchanges:
    """The requests and replies of one connection."""

    __slots__ = ("alone", "count", "relaxed", "unseen", "waiting")

    def __init__(self, late: bool) -> None:
        self.count = 0  # requests
        # Envelope and request of one that surely waits, and no other does: the usual case.
        self.alone: tuple[int, tuple[int, float]] | None = None
        self.waiting: dict[int, Waiting] = {}  # by envelope
        self.unseen = late  # there may be requests that were not seen
        self.relaxed = False  # REQ has asked again without a reply

    def ask(self, envelope: int, time: float, lock_step: bool) -> int:
        """Take a request and return its number; `lock_step`: it is REQ that asks.

        `envelope` is a number that stands for what precedes the delimiter, 0 for nothing.
        """
        if not (self.alone or self.waiting or self.unseen):
            self.count += 1
            self.alone = envelope, (self.count, time)
            return self.count
        self._join()
        if lock_step and not self.relaxed and (self.unseen or self.waiting):
            if self.unseen or any(not each.sure for each in self.waiting.values()):
                self.waiting.clear()  # whatever was not seen has been answered
                self.unseen = False
            else:
                self.relaxed = True
        self.count += 1
        self._wait(envelope, (self.count, time))
        return self.count

    def _join(self) -> None:
        """Let the one that waits alone be one of several."""
        if self.alone:
            alone, self.alone = self.alone, None
            self._wait(*alone)

    def _wait(self, envelope: int, request: tuple[int, float]) -> None:
        waiting = self.waiting.get(envelope)
        if waiting is None:
            if len(self.waiting) >= MOST:
                del self.waiting[next(iter(self.waiting))]
            waiting = self.waiting[envelope] = Waiting()
        waiting.add(request)

    def answer(self, envelope: int, lock_step: bool, in_order: bool) -> Asked:
        """Return number and time of the request that a reply answers, None if it is not known.

        `lock_step`: it goes to REQ. `in_order`: it comes from REP.
        """
        if self.alone:
            own, alone = self.alone
            if own != envelope:
                return None
            self.alone = None
            return alone
        waiting = self.waiting.get(envelope)
        if waiting is None:
            return None
        request = waiting.take(in_order)
        if not waiting.requests and not waiting.beyond:
            del self.waiting[envelope]
        own = lock_step and envelope  # the number that REQ gives is that of one request
        return request if not self.unseen or own else None

    def lose(self, requests: bool, lock_step: bool) -> None:
        """Say that the capture lacks what may have been requests, or else replies."""
        self._join()
        if requests:
            if lock_step and not self.relaxed and any(each.sure for each in self.waiting.values()):
                return  # REQ still waits: it was no request
            self.unseen = True
        for waiting in self.waiting.values():
            waiting.sure = 0
