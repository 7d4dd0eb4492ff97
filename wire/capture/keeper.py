"""Takes packets off the kernel into a file, as fast as it can, and does nothing else.

It is a process of its own, see recorder.py: python -m capture.keeper INTERFACE NUMBER …, the
numbers in the order in which Keeper has them.
"""

import os
import select
import sys
import time
from contextlib import closing, suppress

from capture.interface import NoInterface, Ring
from capture.packet import CaptureError
from capture.spool import PcapngWriter

PAUSE = 300  # milliseconds between two looks whether the interface is there
TURN = 16  # blocks between two looks whether it should end
LAST = 50  # milliseconds in which the kernel hands over what came before it was told to stop
IDLE = 200  # milliseconds after which dropped packets are told, if nothing else comes
QUIET = 0.2  # seconds between two lines about them


class Keeper:
    """Keeps the packets of an interface, but those of TCP port `port`, in the file `fd` (pcapng).

    `wake`, an eventfd, is written to after packets, and `out` gets lines: "live", "waiting" while
    the interface is not there, "dropped N" (by the kernel, in all), "ended: " and why, if it is
    not told to end; at last "total N N N": captured, received, dropped. It ends once `end` is
    readable or closed.

    `most`: so many bytes are kept, if it is not 0. If `passing`, that is what may wait to be read
    in a file in memory, of which the reader gives up what it has read.
    """

    def __init__(
        self,
        interface: str,
        port: int,
        fd: int,
        end: int,
        out: int,
        wake: int,
        most: int = 0,
        passing: bool = False,
    ) -> None:
        self.interface, self.port, self.fd, self.wake = interface, port, fd, wake
        self.end, self.out, self.most, self.passing = end, out, most, passing
        self.received = self.dropped = self.told = 0  # packets
        self.due = 0.0  # when dropped packets may be told again

    def run(self) -> None:
        """Capture to the end; an interface that goes away may come again."""
        with suppress(PermissionError):  # on a busy machine others wait first
            os.nice(-10)
        writer = None
        try:
            writer = PcapngWriter(self.fd)
            while ring := self._open():
                with closing(ring):
                    try:
                        writer.interface(self.interface, ring.link)
                        self._say("live")
                        self._keep(ring, writer)
                    finally:
                        self.received += ring.received
                        self.dropped += ring.dropped
                        with suppress(OSError):  # a full disk may lack room for it
                            writer.statistics(time.time_ns(), ring.received, ring.dropped)
        except (CaptureError, OSError) as error:
            self._say(f"ended: {getattr(error, 'strerror', None) or error}")
        captured = writer.packets if writer else 0
        self._say(f"total {captured} {self.received} {self.dropped}")

    def _open(self) -> Ring | None:
        """Return the interface's ring as soon as it is there, None to end."""
        waiting = False
        while not self._ended(PAUSE * waiting):
            try:
                return Ring(self.interface, self.port)
            except NoInterface:
                if not waiting:
                    self._say("waiting")
                waiting = True
        return None

    def _keep(self, ring: Ring, writer: PcapngWriter) -> None:
        """Write what comes, until the interface is gone or it should end."""
        poll = select.poll()
        poll.register(ring, select.POLLIN)
        poll.register(self.end, select.POLLIN)
        gone = False
        while not gone:
            self._write(ring, writer, TURN)
            ready = dict(poll.poll(0 if ring.ready() else IDLE))
            ring.count()
            self._tell_drops(ring)
            if self.end in ready:
                ring.stop()
                gone = True
            elif ready.get(ring.fileno(), 0) & select.POLLERR:
                gone = bool(ring.error())
        self._write(ring, writer)
        poll.unregister(self.end)
        poll.poll(LAST)
        self._write(ring, writer)
        self._tell_drops(ring, 0)

    def _write(self, ring: Ring, writer: PcapngWriter, most: int = 1 << 30) -> None:
        """Write the blocks that are ready, but not more than so many."""
        while most and ring.ready():
            most -= 1
            while self._full() and not self._ended(10):  # meanwhile the kernel drops and counts
                pass
            ring.count()  # a call of the kernel, which puts our reading after its writing
            writer.add(ring.packets())
            ring.release()
            os.eventfd_write(self.wake, 1)
            self._tell_drops(ring)
            if self.most and not self.passing and writer.size > self.most:
                raise OSError(f"{self.most >> 20:,} MB are kept, there is no room for more")

    def _full(self) -> bool:
        """Tell whether too much waits to be read."""
        return self.passing and os.fstat(self.fd).st_blocks * 512 > self.most

    def _ended(self, pause: int) -> bool:
        """Tell whether to end, within so many milliseconds."""
        poll = select.poll()
        poll.register(self.end, select.POLLIN)
        return bool(poll.poll(pause))

    def _tell_drops(self, ring: Ring, quiet: float = QUIET) -> None:
        dropped = self.dropped + ring.dropped
        if dropped > self.told and time.monotonic() > self.due:
            self.told, self.due = dropped, time.monotonic() + quiet
            self._say(f"dropped {dropped}")

    def _say(self, line: str) -> None:
        with suppress(BlockingIOError, BrokenPipeError):  # who does not listen holds up nothing
            os.write(self.out, f"{line}\n".encode())


if __name__ == "__main__":
    Keeper(sys.argv[1], *map(int, sys.argv[2:])).run()  # type: ignore[arg-type]
