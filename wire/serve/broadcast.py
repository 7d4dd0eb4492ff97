"""Changes to any number of browsers, as Server-Sent Events; none holds up another.

Each change is written once, for all who speak a language. A browser that is too slow, or away for
a while, is given the whole anew as soon as it reads again, so what waits for it never grows.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from output.language import speaking
from serve.page_state import News, PageState

LOG = 4 << 20  # bytes of changes that are kept for those who lag behind
BEAT = 2.0  # seconds after which a browser hears that the server is still there


def written(change: dict[str, Any]) -> bytes:
    """Return a change as one event of Server-Sent Events; JSON has no line break of its own."""
    return b"data: %b\n\n" % json.dumps(change, separators=(",", ":")).encode()


class Broadcast:
    """The changes in one language, numbered, and who waits for the next one.

    `flush` publishes what waits to be; `said` is what is to be said about the capture as a whole.
    """

    def __init__(
        self, state: PageState, language: str, said: dict[str, Any], flush: Callable[[], None]
    ) -> None:
        self.state, self.language, self.said, self.flush = state, language, said, flush
        self.last = 0  # number of the last change
        self.log: deque[bytes] = deque()
        self.size = 0
        self.open = True
        self.listeners = 0
        self._next = asyncio.Event()
        self._whole: tuple[int, list[bytes]] = (-1, [])

    def publish(self, news: News | None = None) -> None:
        """Give what has changed to all who listen, or else what is said about the capture."""
        self.last += 1
        if self.listeners:
            with speaking(self.language):
                change = {"state": self.said} if news is None else self.state.changes(news)
            self.log.append(written(change))
            self.size += len(self.log[-1])
        else:
            self.log.clear()
            self.size = 0
        while self.size > LOG and len(self.log) > 1:
            self.size -= len(self.log.popleft())
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.open = False
        self._wake()

    def _wake(self) -> None:
        waited, self._next = self._next, asyncio.Event()
        waited.set()

    def whole(self) -> list[bytes]:
        """Return all that is shown now, written once for as long as nothing changes."""
        if self._whole[0] != self.last:
            if self.state.news:
                self.flush()
            with speaking(self.language):
                pieces = [written(piece) for piece in self.state.whole()]
            pieces[0] = written({"state": self.said}) + pieces[0]
            self._whole = (self.last, pieces)
        return self._whole[1]

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the whole, then each change, for one browser."""
        seen = -1
        self.listeners += 1
        try:
            yield b"retry: 1000\n\n"
            while self.open:
                behind = self.last - seen
                if seen < 0 or behind > len(self.log):
                    pieces = self.whole()
                    seen = self.last
                    for piece in pieces:
                        yield piece
                elif behind:
                    seen += 1
                    yield self.log[-behind]
                else:
                    try:
                        await asyncio.wait_for(self._next.wait(), BEAT)
                    except TimeoutError:
                        yield b"event: beat\n" + written(self.state.state())
        finally:
            self.listeners -= 1
