"""What passes on an interface, from the file that a recorder writes to the browsers."""

import asyncio
import sys
from contextlib import suppress
from time import time_ns

from capture.recorder import Recorder, Totals
from capture.relay import Followed
from capture.spool import PcapngFollower
from serve.app import Shown
from serve.broadcast import Broadcast
from serve.page_state import PageState

TOGETHER = 0.04  # seconds from one change that goes to the browsers to the next
QUIET = 0.2  # seconds without packets after which it is looked what has waited too long
TURN = 2000  # packets that are read at a time: the browsers wait meanwhile


class Live:
    """The capture of `name`, an interface, as it grows. `ports`: hints, as Story has them."""

    def __init__(
        self, name: str, source: Recorder | Followed, ports: dict[int, tuple[str, str]]
    ) -> None:
        self.name, self.source, self.ports = name, source, ports
        self.file = PcapngFollower()
        self.state = PageState(ports, live=True)
        self.hub = Broadcast(self.state)
        self.hub.say(source=name, capture="waiting", dropped=0)

    def shown(self) -> Shown:
        """Return it for the application."""
        return Shown(self.name, self.ports, self.hub, self.file.kept)

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
        if self.file.number == begun and not self.state.overdue(time_ns()):
            return False
        self.hub.publish(self.state.changes())
        return enough()

    @property
    def totals(self) -> Totals:
        """Return how many packets there were, at the end."""
        packets, dropped = self.file.number, self.file.dropped
        return self.source.totals or Totals(packets, packets + dropped, dropped)

    def hear(self, line: str) -> None:
        """Tell the browsers, and the terminal, what the recorder says about itself."""
        what, _, more = line.partition(" ")
        hub = self.hub
        if what == "dropped":
            self.file.dropped = int(more)
            return hub.say(dropped=int(more))
        if what == "total":
            return None
        if what == "ended:":
            say(f"the capture ended: {more}")
        elif what == "waiting":
            say(f"{self.name} is not there: waiting for it")
        elif hub.state["capture"] != "live" and hub.last > 1:
            say(f"{self.name} is there")
        return hub.say(capture=what.rstrip(":"), reason=more)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
