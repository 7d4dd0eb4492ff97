"""The six scripts on loopback: Ctrl-C, giving up, and the pace."""

import os
import pickle
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import zmq

from benchmarks.harness import ROOT, TIMES, row, wait_for

SCRIPTS = [
    "rep/serverzmq.py",
    "pub/pubzmq.py",
    "push/pushzmq.py",
    "sub/subzmq.py",
    "req/clientzmq.py",
    "pull/pullzmq.py",
]
# When it waits: for a client or a server, for a reply, in the middle of a job.
WAITS = {
    "sub/subzmq.py": "connects to",
    "req/clientzmq.py": "No reply, attempt 1 of 3",
    "pull/pullzmq.py": "job of 60 s .",
}


class Script:
    """One of the six scripts, at a port of loopback; its output gathers in a file."""

    def __init__(self, folder: str, name: str, port: int, **environment: str) -> None:
        self.output = Path(folder, name.replace("/", "-"))
        here = {"PYTHONUNBUFFERED": "1", "ZMQ_ENDPOINT": f"tcp://127.0.0.1:{port}"}
        self.process = subprocess.Popen(
            [sys.executable, ROOT / name],
            stdin=subprocess.PIPE,
            stdout=self.output.open("w"),
            stderr=subprocess.DEVNULL,
            env=os.environ | here | environment,
        )

    def says(self, text: str) -> float:
        """Wait until its output holds this text; return when that was."""
        wait_for(lambda: text in self.text(), text)
        return time.perf_counter()

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def interrupt(self) -> float:
        """Do as Ctrl-C does half a second later, as no person is faster; return the seconds.

        ZeroMQ may be at work when the signal comes, as on the rest of a flood, and then waits as
        if there had been none: who sees that nothing happens presses Ctrl-C again.
        """
        time.sleep(0.5)
        begin = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        return time.perf_counter() - begin


Start = Callable[..., Script]


@contextmanager
def on_loopback() -> Iterator[tuple[Start, int]]:
    """Give a function that starts scripts at one free port, and that port; end them all."""
    started: list[Script] = []
    with zmq.Context() as context, context.socket(zmq.REP) as free:
        port = free.bind_to_random_port("tcp://127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:

        def start(name: str, **environment: str) -> Script:
            started.append(Script(folder, name, port, **environment))
            return started[-1]

        try:
            yield start, port
        finally:
            for script in started:
                script.process.kill()
                script.process.wait()


@contextmanager
def peer(kind: int, port: int, bind: bool = False) -> Iterator[zmq.Socket[bytes]]:
    """A bare socket to face a script."""
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.linger = 0
        socket.rcvtimeo = 60_000  # milliseconds; only ends what hangs
        (socket.bind if bind else socket.connect)(f"tcp://127.0.0.1:{port}")
        yield socket


def scripts() -> None:
    """Press Ctrl-C in each, leave REQ alone, and time what is paced."""
    ends = {name: statistics.median(ctrl_c(name) for _ in range(TIMES)) for name in SCRIPTS}
    slowest = max(SCRIPTS, key=lambda name: ends[name])
    row(f"Ctrl-C of each script, the slowest: {slowest}", ends[slowest], "s", "<= 1 s")
    for what, measure, goal in (
        ("REQ gives up without a server", gives_up, "7.4 to 9 s"),
        ("PUB: from a pair to the next but one", published, "1.8 to 2.2 s"),
        ("PUSH: from a job to the next but one", handed_out, "1.8 to 2.2 s"),
        ("PULL: the second of a job's two seconds", worked, "0.9 to 1.1 s"),
    ):
        row(what, statistics.median(measure() for _ in range(TIMES)), "s", goal)


def ctrl_c(name: str) -> float:
    with on_loopback() as (start, port), peer(zmq.PUSH, port, bind="pull" in name) as push:
        script = start(name)
        if "pull" in name:
            push.send(pickle.dumps(60))
        script.says(WAITS.get(name, "bound to"))
        return script.interrupt()


def gives_up() -> float:
    with on_loopback() as (start, _):
        begin = time.perf_counter()
        start("req/clientzmq.py").process.wait(60)
        return time.perf_counter() - begin


def published() -> float:
    """Two messages make a pair."""
    with on_loopback() as (start, port), peer(zmq.SUB, port) as sub:
        sub.subscribe("")
        start("pub/pubzmq.py")
        times = [time.perf_counter() for _ in range(5) if sub.recv()]
        return times[4] - times[0]


def handed_out() -> float:
    with on_loopback() as (start, port), peer(zmq.PULL, port) as pull:
        start("push/pushzmq.py")
        times = [time.perf_counter() for _ in range(3) if pull.recv()]
        return times[2] - times[0]


def worked() -> float:
    with on_loopback() as (start, port), peer(zmq.PUSH, port, bind=True) as push:
        worker = start("pull/pullzmq.py")
        push.send(pickle.dumps(2))
        begin = worker.says("job of 2 s .")
        return worker.says("job of 2 s .. done") - begin
