"""What passes on an interface, from the file that a recorder writes to the browsers."""

import asyncio
import sys
from contextlib import suppress
from time import time_ns
from typing import Any

from capture.recorder import Recorder, Totals
from capture.relay import Followed
from capture.spool import PcapngFollower
from serve.broadcast import Broadcast
from serve.page_state import PageState

TOGETHER = 0.04  # seconds from one change that goes to the browsers to the next
QUIET = 0.2  # seconds without packets after which it is looked what has waited too long
TURN = 2000  # packets that are read at a time: the browsers wait meanwhile


class Live:
    """The capture of `name`, an interface, as it grows. `ports`: hints, as Story has them.

    The greeting is said once it has begun: what passes from then on is shown.
    """

    def __init__(
        self,
        name: str,
        source: Recorder | Followed,
        ports: dict[int, tuple[str, str]],
        greeting: str,
    ) -> None:
        self.name, self.source, self.ports, self.greeting = name, source, ports, greeting
        self.file = PcapngFollower()
        self.state = PageState(ports, live=True)
        self.said: dict[str, Any] = {"source": name, "capture": "waiting", "dropped": 0}
        self.casts: dict[str, Broadcast] = {}  # language -> what is told in it

    def cast(self, language: str) -> Broadcast:
        """Return what is told in a language."""
        if language not in self.casts:
            self.casts[language] = Broadcast(self.state, language, self.said, self.flush)
        return self.casts[language]

    def flush(self) -> None:
        """Tell the browsers what has changed."""
        news = self.state.take()
        for cast in self.casts.values():
            cast.publish(news)

    def close(self) -> None:
        """End all streams."""
        for cast in self.casts.values():
            cast.close()

    async def follow(self) -> None:
        """Read what is written, and tell the browsers, until this is cancelled."""
        woken = asyncio.Event()
        watching = asyncio.create_task(self.source.watch(woken.set, self.hear))
        loop, due = asyncio.get_running_loop(), 0.0
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), QUIET)
                await asyncio.sleep(due - loop.time())
                due = loop.time() + TOGETHER
                woken.clear()
                self.file.fd = self.source.fd
                if self.read():
                    woken.set()  # there may be more
        finally:
            watching.cancel()

    def read(self) -> bool:
        """Read the packets that are there, but not too many; tell whether there may be more."""
        begun = self.file.number

        def enough() -> bool:
            return self.file.number - begun >= TURN

        for packet in self.file.packets(enough):
            self.state.feed(packet)
        if self.file.number > begun or self.state.overdue(time_ns()):
            self.flush()
        return enough()

    @property
    def totals(self) -> Totals:
        """Return how many packets there were, at the end."""
        packets, dropped = self.file.number, self.file.dropped
        return self.source.totals or Totals(packets, packets + dropped, dropped)

    def hear(self, line: str) -> None:
        """Tell the browsers, and the terminal, what the recorder says about itself."""
        what, _, more = line.partition(" ")
        if what == "total":
            return
        if what == "dropped":
            self.said["dropped"] = self.file.dropped = self.state.story.dropped = int(more)
        else:
            if "reason" not in self.said:
                say(self.greeting)
            if what == "ended:":
                say(f"the capture ended: {more}")
            elif what == "waiting":
                say(f"{self.name} is not there: waiting for it")
            elif "reason" in self.said and self.said["capture"] != "live":
                say(f"{self.name} is there")
            self.said |= {"capture": what.rstrip(":"), "reason": more}
        for cast in self.casts.values():
            cast.publish()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
