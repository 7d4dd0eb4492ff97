"""The three clients at work in their containers; each line that they print has its time."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import LAB, ROOT, SERVERS, run, wait_for

# The worker as it is, but each second of a job takes a hundredth: what is queued is done at once.
FAST = (
    "import runpy, time; sleep = time.sleep; time.sleep = lambda s: sleep(s / 100); "
    "runpy.run_path('pullzmq.py')"
)
# By its server: the client's service, what Python runs there, and what it prints as it goes on.
CLIENTS = {
    "zmq-rep": ("zmq-req", ["clientzmq.py"], "Reply: 'Received: "),
    "zmq-pub": ("zmq-sub", ["subzmq.py"], "Received: 'WAKTU "),
    "zmq-push": ("zmq-pull", ["-c", FAST], " done"),
}


class Client:
    """A client at work. REQ is given a line a tenth of a second after each reply."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.service, python, self.progress = CLIENTS[server]
        self.lines: list[tuple[float, str]] = []
        self.writing = threading.Event()
        self.process = subprocess.Popen(
            [*LAB, "exec", "-T", self.service, "python", *python],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        if server == "zmq-rep":
            self.writing.set()
            threading.Thread(target=self._write, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append((time.time(), line))

    def _write(self) -> None:
        sent = 0
        while self.process.poll() is None:
            self.writing.wait()
            if self.progresses() == sent:
                print(f"message {sent}", file=self.process.stdin, flush=True)
                sent += 1
            time.sleep(0.1)

    def progresses(self) -> int:
        return sum(self.progress in line for _, line in self.lines)

    def rest(self) -> None:
        """Give REQ no line for now: it gives up after 7.5 s, in which no engine has to be back."""
        self.writing.clear()
        time.sleep(0.3)

    def write(self) -> None:
        """Give REQ lines again."""
        if self.server == "zmq-rep":
            self.writing.set()

    def went_on(self, since: float) -> float:
        """Wait until it goes on after a time; return how many seconds later that is."""
        found: list[float] = []

        def progressed() -> bool:
            found.extend(at for at, line in self.lines if at > since and self.progress in line)
            return bool(found)

        wait_for(progressed, f"{self.service} to go on")
        return found[0] - since


@contextmanager
def at_work() -> Iterator[list[Client]]:
    """Start the three and wait until each is at work; end them."""
    clients = [Client(server) for server in SERVERS]
    try:
        for client in clients:
            client.went_on(0)
        yield clients
    finally:
        for client in clients:
            client.process.kill()
        services = [client.service for client in clients]
        run(*LAB, "restart", *services)  # a killed exec leaves behind what it ran
