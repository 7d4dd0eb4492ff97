"""A process that takes packets off the kernel into a file, which another one follows.

So nothing that tells or shows them can make the capture lose a packet, and what was seen so far
can be had at any moment, since it is in the file already.
"""

import os
import select
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from errno import EINVAL
from typing import BinaryIO, NamedTuple

from capture.files import create
from capture.interface import NoInterface, kind_of
from capture.packet import Packet
from capture.spool import PcapngFollower

KEPT = 1 << 30  # bytes that are kept where no file was asked for
BEHIND = 64 << 20  # bytes in memory that wait to be told; beyond it packets are dropped
PLACES = os.environ.get("TMPDIR"), "/var/tmp", "/tmp"  # for a file: on a disk, if there is one
TURN = 1000  # packets between two looks whether there are lines
SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT


class Totals(NamedTuple):
    """How many packets there were, as tcpdump says it."""

    captured: int
    received: int
    dropped: int

    def __str__(self) -> str:
        return (
            f"{self.captured} packets captured\n{self.received} packets received by filter\n"
            f"{self.dropped} packets dropped by kernel"
        )


class Recorder:
    """A process that keeps the packets of an interface, but those of `port`, in a pcapng file.

    That is the file at `path`, else one without a name, where there is room for KEPT, or if
    `passing`, one in memory for what waits to be read. The process says in lines what there is to
    say, see Keeper. It ends, and the file is complete, also when its parent is killed. Raises
    CaptureError without the right to capture, OSError if the file cannot be made.
    """

    def __init__(
        self, interface: str, path: str | None, port: int = 0, passing: bool = False
    ) -> None:
        with suppress(NoInterface):
            kind_of(interface)
        if path and os.path.exists(path) and not stat.S_ISREG(mode := os.stat(path).st_mode):
            if not stat.S_ISDIR(mode):
                raise OSError(EINVAL, "not a regular file, from which it can be told")
        file = create(path) if path else _memory() if passing else _temporary()
        most = 0 if path else BEHIND if passing else KEPT
        self.fd = os.open(path, os.O_RDONLY) if path else os.dup(file.fileno())
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._said, out = os.pipe()
        self._rest = b""  # of a line that is under way
        self.totals: Totals | None = None  # once the process has ended
        self._last = "ended: the process that captures was killed"  # unless it says otherwise
        end, self._end = os.pipe()
        # A new Python, since one that is forked would hold once more all that is in memory here.
        numbers = (port, file.fileno(), end, out, self._wake, most, int(passing))
        command = [sys.executable, "-m", "capture.keeper", interface, *map(str, numbers)]
        for each in file.fileno(), end, out, self._wake:
            os.set_inheritable(each, True)
        os.set_blocking(out, False)
        self.pid = os.posix_spawn(
            sys.executable,
            command,
            os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(__file__))},
            setsigmask=SIGNALS,  # they are ours to hear
        )
        os.close(out)
        os.close(end)
        file.close()

    def stop(self) -> None:
        """Take no more packets; those that came are still written, and the process ends."""
        end, self._end = self._end, -1
        if end >= 0:
            os.close(end)

    def end(self) -> None:
        """End the process, once it has written what came, and take what it says at last."""
        self.stop()
        pid, self.pid = self.pid, 0
        if pid:
            while self._lines() is not None:
                pass
            os.waitpid(pid, 0)

    def _lines(self) -> list[str] | None:
        """Return the lines that are there, None at the end."""
        data = os.read(self._said, 4096)
        if not data:
            said, self._last = self._last, ""
            return [said] if said and not self.totals else None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"total "):
                self.totals = Totals(*map(int, line.split()[1:]))
        return [line.decode() for line in lines]

    def follow(self, follower: PcapngFollower, pause: int) -> Iterator[Packet | str | None]:
        """Yield packets and lines as they come, to the end, and None where nothing waits.

        After None the next comes within so many milliseconds.
        """
        follower.fd, ended, full = self.fd, False, False
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.register(self._said, select.POLLIN)
        while full or not ended:
            ready = dict(poll.poll(0 if full else pause))
            if self._wake in ready:
                os.eventfd_read(self._wake)
            if self._said in ready:
                lines = self._lines()
                yield from lines or ()
                if lines is None:
                    ended = True
                    poll.unregister(self._said)
            due = follower.number + TURN
            yield from follower.packets(lambda: follower.number >= due)  # noqa: B023
            full = follower.number >= due
            if not full:
                yield None

    async def watch(self, wake: Callable[[], None], hear: Callable[[str], None]) -> None:
        """Call `wake` after packets, and `hear` with each line."""
        import asyncio  # which text does not need, and which takes longer than all of the rest

        loop = asyncio.get_running_loop()

        def woken() -> None:
            os.eventfd_read(self._wake)
            wake()

        def said() -> None:
            lines = self._lines()
            if lines is None:
                loop.remove_reader(self._said)
            for line in lines or ():
                hear(line)

        loop.add_reader(self._wake, woken)
        loop.add_reader(self._said, said)


def _memory() -> BinaryIO:
    return open(os.memfd_create("packets"), "wb")


def _temporary() -> BinaryIO:
    """Return a file without a name, but never in the folder where one stands."""
    for place in filter(None, PLACES):
        with suppress(OSError):
            return tempfile.TemporaryFile(dir=place)
    raise OSError("there is no place for one: -w FILE says where to keep what is captured")
