"""zmq-wire live, on the loopback of a network namespace: what it loses, and how soon it ends."""

import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from benchmarks.harness import TIMES, WIRE, BenchError, row, run, wait_for

SPACE = "zmq-bench"
# With a limit that only ends what hangs.
INSIDE = ["sudo", "timeout", "--foreground", "600", "ip", "netns", "exec", SPACE]
# As in its container: a buffer larger than anyone may have is not its to ask for.
MODEST = ["setpriv", "--bounding-set", "-net_admin"]
LIVE = [*MODEST, sys.executable, str(WIRE), "--live", "lo"]
# Publishes 250,000 messages of 20 bytes, 50 each millisecond; prints how many a second that were.
FLOOD = """
import time, zmq
with zmq.Context() as context, context.socket(zmq.PUB) as pub, context.socket(zmq.SUB) as sub:
    pub.sndhwm = sub.rcvhwm = pub.linger = 0
    port = pub.bind_to_random_port("tcp://127.0.0.1")
    sub.connect(f"tcp://127.0.0.1:{port}")
    sub.subscribe("")
    while not sub.poll(10):
        pub.send(b"begin")  # the first may come before the subscription
    begin = time.perf_counter()
    for tick in range(5000):
        time.sleep(max(0, begin + tick / 1000 - time.perf_counter()))
        for number in range(tick * 50, tick * 50 + 50):
            pub.send(b"message %012d" % number)
    took = time.perf_counter() - begin
    while not sub.recv().endswith(b"249999"):
        pass
    print(250_000 / took)
"""
# 10,000 clients, 200 at a time, each with a request and its reply.
CLIENTS = """
import zmq
with zmq.Context() as context, context.socket(zmq.REP) as rep:
    port = rep.bind_to_random_port("tcp://127.0.0.1")
    for _ in range(50):
        reqs = [context.socket(zmq.REQ) for _ in range(200)]
        for req in reqs:
            req.connect(f"tcp://127.0.0.1:{port}")
            req.send(b"Hello")
        for _ in reqs:
            rep.recv()
            rep.send(b"World")
        for req in reqs:
            req.recv()
            req.close(linger=0)
"""
# Ten requests; prints for each, by the machine's clock, when it was sent.
REQUESTS = """
import time, zmq
with zmq.Context() as context, context.socket(zmq.REP) as rep, context.socket(zmq.REQ) as req:
    port = rep.bind_to_random_port("tcp://127.0.0.1")
    req.connect(f"tcp://127.0.0.1:{port}")
    for number in range(10):
        time.sleep(0.2)
        print(time.monotonic(), flush=True)
        req.send_string(f"live {number}")
        rep.send(rep.recv())
        req.recv()
"""


def live() -> None:
    """Measure it in a namespace of its own, in which nothing else passes."""
    run("sudo", "ip", "netns", "add", SPACE)
    try:
        run("sudo", "ip", "-n", SPACE, "link", "set", "lo", "up")
        for name, option in ("live -w", []), ("--serve -w", ["--serve"]):
            losses([*LIVE, *option], name)
        connections()
        delays = [statistics.median(delay()) for _ in range(TIMES)]
        row("a message told live", statistics.median(delays) * 1000, "ms", "< 100 ms")
        for name, option in ("live", []), ("--serve", ["--serve"]):
            ends = []
            for _ in range(TIMES):
                with running([*LIVE, *option], subprocess.DEVNULL) as process:
                    ends.append(interrupt(process))
            row(f"Ctrl-C of {name}", statistics.median(ends), "s", "<= 1 s")
    finally:
        run("sudo", "ip", "netns", "delete", SPACE)


@contextmanager
def running(command: list[str], out: int | IO[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a program that captures, and wait until it says that it does; end it, if it is on."""
    process = subprocess.Popen(
        [*INSIDE, *command],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # from its own process group sudo passes no signal on
    )
    assert process.stderr
    try:
        while not re.search("listening on|live", line := process.stderr.readline()):
            if not line:
                raise BenchError(f"{command} ended")
        yield process
    finally:
        if process.poll() is None:
            interrupt(process)


def interrupt(process: subprocess.Popen[str]) -> float:
    """Do as Ctrl-C does; return the seconds until the program has ended."""
    begin = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.communicate()
    return time.perf_counter() - begin


def losses(command: list[str], name: str) -> None:
    """What the run in which we did worst beside tcpdump lost: never more than that."""
    runs = [one_flood(command) for _ in range(TIMES)]
    ours, theirs, rate = max(runs, key=lambda lost: lost[0] - lost[1])
    what = f"{name}, {round(rate, -3):,.0f} messages a second: packets lost"
    row(what, ours, "", "<= 1", ("tcpdump", theirs))


def one_flood(command: list[str]) -> tuple[int, int, float]:
    """Return the packets that each lost, of those that passed, and the messages a second."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.pcap"), Path(folder, "theirs.pcap")
        tcpdump = ["tcpdump", "-Z", "root", "-i", "lo", "-w", str(theirs)]
        before = passed()
        with (
            running(tcpdump, subprocess.DEVNULL),
            running([*command, "-w", str(ours)], subprocess.DEVNULL),
        ):
            rate = float(run(*INSIDE, sys.executable, "-c", FLOOD))
            for path in ours, theirs:
                grown(path)
        sent = passed() - before
        return sent - kept(ours), sent - kept(theirs), rate


def passed() -> int:
    """Return how many packets the loopback has passed, as the kernel counts them."""
    return int(run(*INSIDE, "cat", "/sys/class/net/lo/statistics/rx_packets"))


def kept(path: Path) -> int:
    """Return how many packets are in a capture, as tcpdump counts them."""
    return int(run("tcpdump", "-r", path, "--count").split()[0])


def grown(path: Path) -> None:
    """Wait until a file grows no more: whoever writes it has caught up."""

    def still() -> bool:
        before = path.stat().st_size
        time.sleep(2)
        return path.stat().st_size == before

    wait_for(still, f"{path.name} to be written")


def connections() -> None:
    """Let 10,000 clients connect and ask; count the replies that are told."""
    told, late = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "told")
            with path.open("w") as out, running(LIVE, out):
                run(*INSIDE, sys.executable, "-c", CLIENTS)
                ended = time.time()
                grown(path)
            late.append(max(0, path.stat().st_mtime - ended))
            told.append(path.read_text().count(' reply "'))
    row("10,000 connections live, replies told", min(told), "", "= 1", ("of", 10_000))
    row("  the last of them, after it was sent", statistics.median(late), "s", "<= 10 s")


def delay() -> list[float]:
    """Return the seconds from each of ten requests to its line."""
    found = []
    with running(LIVE, subprocess.PIPE) as process:
        talk = [*INSIDE, sys.executable, "-c", REQUESTS]
        with subprocess.Popen(talk, stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdout and process.stdout
            for number, sent in enumerate(sender.stdout):
                while f'request "live {number}"' not in (line := process.stdout.readline()):
                    if not line:
                        raise BenchError(f"request {number} is not told live")
                found.append(time.monotonic() - float(sent))
    return found
