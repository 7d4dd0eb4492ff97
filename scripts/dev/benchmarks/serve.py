"""zmq-wire --serve on this machine, and messages that rain on its loopback."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import WIRE, BenchError

RATE, RAIN = 2_000, 60  # messages a second, and how many seconds
# Publishes so many a second for so long, at a port; prints how many that were. A subscriber of its
# own takes them.
PUBLISH = """
import random, sys, time, zmq
rate, seconds, port = map(int, sys.argv[1:])
with zmq.Context() as context, context.socket(zmq.PUB) as pub, context.socket(zmq.SUB) as sub:
    pub.linger = sub.linger = pub.sndhwm = sub.rcvhwm = 0
    pub.bind(f"tcp://127.0.0.1:{port}")
    sub.connect(f"tcp://127.0.0.1:{port}")
    sub.subscribe("")
    while not sub.poll(10):
        pub.send_string("begin")  # the first may come before the subscription
    begun, sent, heard = time.monotonic(), 0, 0
    while (passed := time.monotonic() - begun) < seconds:
        while sent < passed * rate:
            pub.send_string(f"count {sent} {random.random()}")
            sent += 1
        while sub.poll(1):
            heard += sub.recv().startswith(b"count")
    while heard < sent:
        heard += sub.recv().startswith(b"count")
    print(sent)
"""


@contextmanager
def serve(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start it, wait until it says that it is there, and give its process and address."""
    port = free_port()
    sudo = ["sudo"] if "--live" in arguments else []  # a capture needs root
    command = [*sudo, sys.executable, WIRE, f"--serve=127.0.0.1:{port}", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # from its own process group sudo passes no signal on
        )
        assert process.stderr
        if not process.stderr.readline().startswith(f"http://127.0.0.1:{port} "):
            raise BenchError(f"{command}: {process.stderr.read()}")
        try:
            yield process, f"http://127.0.0.1:{port}/"
        finally:
            interrupt(process)


def interrupt(process: subprocess.Popen[str]) -> float:
    """Do as Ctrl-C does; return the seconds until the end."""
    begin = time.perf_counter()
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.communicate()
    return time.perf_counter() - begin


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def rain(port: int) -> subprocess.Popen[str]:
    """Let messages rain at a port of loopback."""
    command = [sys.executable, "-c", PUBLISH, str(RATE), str(RAIN), str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def fallen(falling: subprocess.Popen[str]) -> int:
    """Wait until it is over, and return how many messages that were."""
    return int(falling.communicate()[0])
