"""Many who look at the live page at once, without a screen: one process, little memory."""

import json
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.captures import made_up
from benchmarks.harness import TIMES, BenchError, row, wait_for
from benchmarks.serve import fallen, free_port, interrupt, rain, serve

MANY = 100


class Listener:
    """A browser that reads what it is sent, or slowly; its totals are those of the page."""

    def __init__(self, url: str, pause: float = 0) -> None:
        self.socket = ask(url, "/events")
        self.pause = pause
        self.totals: dict[str, int] = {}
        self.dropped = -1
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while more := self.socket.recv(50 if self.pause else 1 << 16):
            time.sleep(self.pause)
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    change = json.loads(line[6:])
                    self.totals |= change.get("totals", {})
                    self.dropped = change.get("state", {}).get("dropped", self.dropped)


def ask(url: str, path: str) -> socket.socket:
    """Ask for something, and read nothing yet."""
    host = url.split("/")[2]
    address, port = host.split(":")
    asked = socket.create_connection((address, int(port)))
    asked.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return asked


def many_browsers() -> None:
    """A hundred of them while it rains; steps back; Ctrl-C while they wait."""
    heard, sent, held = zip(*(a_hundred() for _ in range(3)), strict=True)
    row(f"{MANY} browsers, messages that each is told", min(heard), "", "= 1", ("of", min(sent)))
    row("  memory with one that is slow and two that never read", max(held), "MB", "< 100 MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "long.pcap")
        made_up(path, 1, 10_000)
        row("memory after 200 steps back", max(steps_back(path) for _ in range(3)), "MB", "< 80 MB")
        ends = [far_away(path) for _ in range(TIMES)]
    what = f"Ctrl-C while {MANY} are on the way to a far place"
    row(what, statistics.median(ends), "s", "< 2 s")


def a_hundred() -> tuple[int, int, float]:
    """Return the messages that the last of them was told, those sent, and MB of memory."""
    with serve("--live", "lo") as (process, url), ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(ask(url, "/events"))  # never read
        listeners = [Listener(url) for _ in range(MANY)]
        Listener(url, pause=0.2)
        wait_for(lambda: all(each.dropped == 0 for each in listeners), "the browsers to be there")
        sent = fallen(rain(free_port()))
        held = resident(process.pid) / 1e6

        def least() -> int:
            return min(each.totals["PUB-SUB"] for each in listeners)

        wait_for(lambda: least() >= sent, "each browser to be told all")
        if any(each.dropped for each in listeners):
            raise BenchError("packets were lost")
        return min(least(), sent), sent, held


def resident(process: int) -> int:
    """Return the bytes of memory of a process and of all its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    status = Path(f"/proc/{process}/status").read_text()
    ours = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return ours + sum(resident(int(child)) for child in children)


def steps_back(path: Path) -> float:
    """Return the MB of a server that has been asked for 200 places, each before the last."""
    with serve(path) as (process, url):
        for step in range(200):
            with ask(url, f"/play?step={1000 - step}") as asked:
                asked.recv(1000)  # and left again
        return resident(process.pid) / 1e6


def far_away(path: Path) -> float:
    """Return the seconds until it has ended, while all wait for the end of a long capture."""
    with serve(path) as (process, url), ExitStack() as stack:
        for _ in range(MANY):
            asked = stack.enter_context(ask(url, "/play?packet=29000"))
            if not asked.recv(1000).startswith(b"HTTP/1.1 200"):
                raise BenchError("a browser is not answered")
        return interrupt(process)
