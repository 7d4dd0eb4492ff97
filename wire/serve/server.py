"""From the command line to a server that shows a capture, and to its end with Ctrl-C."""

import asyncio
import logging
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import uvicorn
from anyio import to_thread

from capture.packet import CaptureError
from capture.recorder import Recorder
from capture.relay import Followed
from safe import printable
from serve.app import Shown, application
from serve.guard import Guard
from serve.live import Live, say
from serve.playback import Capture, examine

ADDRESS = "127.0.0.1"
BROWSERS = 500  # connections at a time
QUEUE = 256  # that wait to be accepted
THREADS = 2  # that read captures which are played: more would only wait for one another


def bound(address: str, port: int) -> socket.socket:
    """Return a socket that listens; raises OSError with the reason."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=QUEUE)


def url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def fault(record: logging.LogRecord) -> bool:
    """Tell whether it is a fault of ours, and for the terminal.

    What a browser does wrong, or has not read when Ctrl-C cuts it off, is none.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return kind is not None and not issubclass(kind, asyncio.CancelledError)


class Server(uvicorn.Server):
    """A server that leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: Guard, listener: socket.socket, greeting: str = "", live: Live | None = None
) -> None:
    """Say the greeting (live, it is said when the capture begins), answer until SIGINT or SIGTERM.

    Whoever comes meanwhile waits in the listener.
    """
    options: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off"}
    options |= {"ws": "none", "http": "h11", "loop": "asyncio", "server_header": False}
    options |= {"limit_concurrency": BROWSERS, "timeout_graceful_shutdown": 1}
    server = Server(uvicorn.Config(app, **options))
    logging.getLogger("uvicorn.error").addFilter(fault)

    def end() -> None:
        server.should_exit = True
        if live:
            live.close()

    to_thread.current_default_thread_limiter().total_tokens = THREADS
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    if greeting:
        say(greeting)
    await server.serve([listener])


class Refusal(Exception):
    """It cannot be shown: of what, and why."""


def show(
    captures: list[str],
    interface: str,
    kept: str | None,
    ports: dict[int, tuple[str, str]],
    endpoint: str,
    language: str | None = None,
    folder: str = "",
    published: str = "",
) -> None:
    """Show captures, or an interface live (kept in a file if one is given), until Ctrl-C.

    `endpoint` is [ADDRESS:]PORT, `published` where it is reached, if not there. `language`: of all
    pages; else each browser has its own. `folder`: where a recorder in another container writes
    what passes on the interface. Raises Refusal if it cannot begin.
    """
    address, port = _read(endpoint)
    files = [_file(path, ports) for path in captures]
    try:
        listener = bound(address, port)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Refusal(f"port {port}", f"{why}: take another, --serve=PORT") from None
    with listener:
        at = f"http://{published}" if published else url(address, port)
        if not published and not ip_address(address).is_loopback:
            say(f"warning: whoever reaches {address} can read all that passes")
        if files:
            names = ", ".join(file.name for file in files)
            app = application(Shown(names, ports, language, files=files))
            asyncio.run(serve(app, listener, f"{at} plays {names}, Ctrl-C ends it"))
            return say("\nended")
        name = printable(os.fsencode(interface))
        try:
            source = Followed(folder) if folder else Recorder(interface, kept, port)
        except CaptureError as error:
            raise Refusal(interface, str(error)) from None
        except OSError as error:
            raise Refusal(kept or "temporary file", error.strerror or str(error)) from None
        live = Live(name, source, ports, f"{at} shows {name} live, Ctrl-C ends it")
        try:
            asyncio.run(_live(Shown(name, ports, language, live), listener))
        finally:
            source.end()
        say(f"\n{live.totals}")


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


def _file(path: str, ports: dict[int, tuple[str, str]]) -> Capture:
    """Return a capture, if it can be played."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Refusal(path, "it is played again and again: it needs a file")
        open(path, "rb").close()
    except OSError as error:
        raise Refusal(path, _unread(error, path)) from None
    file, wrong = examine(path, printable(os.fsencode(path)), ports)
    if not file.patterns:
        raise Refusal(path, wrong or f"no ZMTP in its {file.packets:,} packets")
    return file


def _unread(error: OSError, path: str) -> str:
    """Say why a file cannot be read; in its container the page is nobody, not its owner."""
    said = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and path.isdecimal():
        return f"{said}: a port is written with =, as in --serve={path}"
    if not isinstance(error, PermissionError):
        return said
    return f"{said}: 'chmod a+rX . {printable(os.fsencode(path))}' lets it be read"


async def _live(shown: Shown, listener: socket.socket) -> None:
    """Follow the capture, and answer the browsers."""
    assert shown.live
    following = asyncio.create_task(shown.live.follow())
    await serve(application(shown), listener, live=shown.live)
    following.cancel()
