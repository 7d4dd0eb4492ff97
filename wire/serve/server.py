"""From the command line to a server that shows a capture, and to its end with Ctrl-C."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOENT
from ipaddress import ip_address
from typing import Any

import uvicorn
from anyio import to_thread

from capture.files import packets, plain
from capture.packet import CaptureError
from capture.pcap import PcapFollower
from capture.recorder import Recorder
from safe import printable
from serve.app import Shown, application
from serve.broadcast import Broadcast
from serve.guard import Guard
from serve.page_state import PageState
from story.story import Story

ADDRESS = "127.0.0.1"
TOGETHER = 0.04  # seconds from one change that goes to the browsers to the next
TURN = 2000  # packets that are read at a time: the browsers wait meanwhile
BROWSERS = 500  # connections at a time
QUEUE = 256  # that wait to be accepted
THREADS = 2  # that read captures which are played: more would only wait for one another


def bound(address: str, port: int) -> socket.socket:
    """Return a socket that listens; raises OSError with the reason."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=QUEUE)


def url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fault(record: logging.LogRecord) -> bool:
    """Tell whether it is a fault of ours, and for the terminal.

    What a browser does wrong, or has not read when Ctrl-C cuts it off, is none.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and not issubclass(kind, asyncio.CancelledError)


class Server(uvicorn.Server):
    """A server that leaves the signals to us, and says when it is there."""

    greeting = ""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        say(self.greeting)


async def serve(
    app: Guard, listener: socket.socket, greeting: str, hub: Broadcast | None = None
) -> None:
    """Say the greeting, and answer until SIGINT or SIGTERM."""
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    options |= {"ws": "none", "http": "h11", "loop": "asyncio", "server_header": False}
    options |= {"limit_concurrency": BROWSERS, "timeout_graceful_shutdown": 1}
    server = Server(uvicorn.Config(app, **options))
    logging.getLogger("uvicorn.error").addFilter(fault)
    server.greeting = greeting

    def end() -> None:
        server.should_exit = True
        if hub:
            hub.close()

    to_thread.current_default_thread_limiter().total_tokens = THREADS
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    await server.serve([listener])


class Refusal(Exception):
    """It cannot be shown: of what, and why."""


def show(
    captures: list[str],
    interface: str,
    kept: str | None,
    ports: dict[int, tuple[str, str]],
    endpoint: str,
) -> None:
    """Show captures, or an interface live (kept in a file if one is given), until Ctrl-C.

    `endpoint` is [ADDRESS:]PORT. Raises Refusal if it cannot begin.
    """
    address, port = _read(endpoint)
    files = [_file(path, ports) for path in captures]
    try:
        listener = bound(address, port)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Refusal(f"port {port}", f"{why}: take another, --serve=PORT") from None
    with listener:
        at = url(address, port)
        if not ip_address(address).is_loopback:
            say(f"warning: whoever reaches {address} can read all that passes")
        if files:
            names = ", ".join(name for _, name, _ in files)
            greeting = f"{at} plays {names}, Ctrl-C ends it"
            app = application(Shown(names, ports, files=files))
            asyncio.run(serve(app, listener, greeting))
            return say("\nended")
        try:
            capture = Recorder(interface, kept, port)
        except CaptureError as error:
            raise Refusal(interface, str(error)) from None
        except OSError as error:
            raise Refusal(kept or "temporary file", error.strerror or str(error)) from None
        try:
            name = printable(os.fsencode(interface))
            greeting = f"{at} shows {name} live, Ctrl-C ends it"
            frames = asyncio.run(_live(name, capture, ports, listener, greeting))
        finally:
            capture.end()
        say(f"\n{frames:,} packets")


def _read(endpoint: str) -> tuple[str, int]:
    """Read [ADDRESS:]PORT."""
    address, _, number = endpoint.rpartition(":")
    try:
        address = str(ip_address(address.removeprefix("[").removesuffix("]") or ADDRESS))
        if not number.isdecimal() or not 0 < int(number) < 65536:
            raise ValueError
    except ValueError:
        raise Refusal(f"--serve={endpoint}", "not a port, such as 8080") from None
    return address, int(number)


def _file(path: str, ports: dict[int, tuple[str, str]]) -> tuple[str, str, int]:
    """Return a capture's path, its name and how many frames it has, if it can be played."""
    if not os.path.isfile(path):
        there = os.path.exists(path)
        why = "it is played again and again: it needs a file" if there else os.strerror(ENOENT)
        raise Refusal(path, why)
    story, wrong = Story(ports=ports, keep=False), ""
    try:
        with open(path, "rb", 1 << 20) as file:
            for packet in packets(plain(file)):
                story.feed(packet)
    except CaptureError as error:
        wrong = str(error)
    except OSError as error:
        wrong = error.strerror or str(error)
    if not story.connections:
        raise Refusal(path, wrong or f"no ZMTP in its {story.packets:,} packets")
    return path, printable(os.fsencode(path)), story.packets


async def _live(
    name: str,
    capture: Recorder,
    ports: dict[int, tuple[str, str]],
    listener: socket.socket,
    greeting: str,
) -> int:
    """Follow the capture, and answer the browsers; return how many frames there were."""
    lab, tail, loop = (
        PageState(ports, live=True),
        PcapFollower(capture.fd),
        asyncio.get_running_loop(),
    )
    hub = Broadcast(lab)
    hub.say(source=name, capture="waiting", dropped=0)
    woken = asyncio.Event()

    def wake() -> None:
        os.eventfd_read(capture.wake)
        woken.set()

    def hear() -> None:
        said = os.read(capture.said, 4096).decode()
        if not said:
            loop.remove_reader(capture.said)
        for line in said.splitlines():
            heard(hub, name, line)

    async def follow() -> None:
        due = 0.0
        while True:
            await woken.wait()
            await asyncio.sleep(due - loop.time())
            due = loop.time() + TOGETHER
            woken.clear()
            begun, read = tail.number, 0

            def enough() -> bool:
                return tail.number - begun >= TURN  # noqa: B023  # it is used at once

            for packet in tail.packets(enough):
                lab.feed(packet)
                read += 1
            if read:
                hub.publish(lab.changes())
            if read >= TURN:
                woken.set()  # there may be more

    loop.add_reader(capture.wake, wake)
    loop.add_reader(capture.said, hear)
    following = asyncio.create_task(follow())
    shown = Shown(name, ports, hub, tail.kept)
    await serve(application(shown), listener, greeting, hub)
    following.cancel()
    return lab.story.packets


def heard(hub: Broadcast, name: str, line: str) -> None:
    """Tell the browsers, and the terminal, what the capture says about itself."""
    what, _, more = line.partition(" ")
    if what == "dropped":
        hub.say(dropped=hub.state["dropped"] + int(more))
        return
    if what == "ended:":
        say(f"the capture ended: {more}")
    elif what == "waiting":
        say(f"{name} is not there: waiting for it")
    elif hub.state["capture"] != "live" and hub.last > 1:
        say(f"{name} is there")
    hub.say(capture=what.rstrip(":"), reason=more)
