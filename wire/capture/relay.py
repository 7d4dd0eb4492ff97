"""Packets for a page in another container: a recorder writes them into a folder, the page follows.

    python -m capture.relay INTERFACE FOLDER

That is the recorder, which needs the right to capture and no other; the page needs to read the
folder alone. What Recorder says to its parent stands in a file there, line by line.
"""

import asyncio
import fcntl
import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from capture.keeper import Keeper
from capture.recorder import KEPT

PACKETS, SAID = "packets.pcapng", "said"  # the files of the folder
LOOK = 0.02  # seconds between two looks whether they have grown


def record(interface: str, folder: str) -> int:
    """Keep what passes on an interface, which may come later, in a folder until SIGINT or SIGTERM.

    Returns the exit code: 0, or 2 if it ended for another reason.
    """
    os.chmod(folder, 0o755)  # whoever reads there has no right to write
    said = os.open(os.path.join(folder, SAID), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    fcntl.flock(said, fcntl.LOCK_EX)
    end, wake = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2))
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda number, frame: os.eventfd_write(end, 1))
    size = os.statvfs(folder)
    most = size.f_bavail * size.f_frsize - (1 << 20)
    with open(os.path.join(folder, PACKETS), "wb") as file:
        Keeper(interface, 0, file.fileno(), end, said, wake, min(KEPT, most)).run()
    return 0 if select.select([end], [], [], 0)[0] else 2


class Followed:
    """What a recorder writes into a folder, in a container of its own: see record()."""

    fd = -1  # of the file of packets, once it is there
    totals = None  # it may go on

    def __init__(self, folder: str) -> None:
        self.folder = folder

    async def watch(self, wake: Callable[[], None], hear: Callable[[str], None]) -> None:
        """Call `wake` after packets, and `hear` with each line for people, as Recorder does."""
        said = await self._open(SAID)
        self.fd = await self._open(PACKETS)
        size = 0
        while True:
            lines = os.read(said, 4096).decode()
            for line in lines.splitlines():
                hear(line)
            if (grown := os.fstat(self.fd).st_size) > size:
                size = grown
                wake()
            elif not lines and _free(said):
                return hear("ended: whoever captured is not there any more")
            await asyncio.sleep(LOOK)

    async def _open(self, name: str) -> int:
        while True:
            with suppress(FileNotFoundError):
                return os.open(os.path.join(self.folder, name), os.O_RDONLY)
            await asyncio.sleep(LOOK)

    def end(self) -> None:
        """Leave the recorder alone: it is not ours."""


def _free(fd: int) -> bool:
    """Tell whether no recorder holds the lock of a file: it keeps it for as long as it runs."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(record(*sys.argv[1:]))
