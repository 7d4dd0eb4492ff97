"""The pages, and what they ask for: changes, lines of a capture that is played, files."""

import asyncio
import io
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from output.html import TEMPLATES, environment, legend, write_page
from serve.broadcast import Broadcast
from serve.guard import Guard
from serve.playback import played
from story.reader import read
from story.story import Story

HERE = Path(__file__).parent


class Shown:
    """What is shown: a capture that grows, or files. `kept` yields what is kept of the former."""

    def __init__(
        self,
        name: str,
        ports: dict[int, tuple[str, str]],
        hub: Broadcast | None = None,
        kept: Callable[[], Iterator[bytes]] | None = None,
        files: list[tuple[str, str, int]] | None = None,
    ) -> None:
        self.name, self.ports, self.hub, self.kept = name, ports, hub, kept
        self.files = files or []  # path, name that is safe to show, packets
        self.writing = asyncio.Lock()  # of one page for a report at a time


def application(shown: Shown) -> Guard:
    """Return the application that shows a capture."""
    templates = environment(HERE / "templates")

    def file_of(request: Request) -> tuple[str, str, int]:
        at = number(request, "capture")
        return shown.files[at if at < len(shown.files) else 0]

    async def page(request: Request) -> Response:
        live = templates.get_template("live.html")
        at = min(number(request, "capture"), max(0, len(shown.files) - 1))
        name, packets = shown.files[at][1:] if shown.files else (shown.name, 0)
        text = live.render(
            name=name, packets=packets, files=shown.files, at=at, live=not shown.files,
            arrows=legend(),
        )  # fmt: skip
        return Response(text, media_type="text/html")

    async def events(request: Request) -> Response:
        if shown.hub is None:
            return PlainTextResponse("no live capture", 404)
        return StreamingResponse(shown.hub.stream(), media_type="text/event-stream")

    async def play(request: Request) -> Response:
        if not shown.files:
            return PlainTextResponse("no capture to play", 404)
        packet, step = number(request, "packet"), number(request, "step")
        return Lines(played(file_of(request)[0], shown.ports, packet, step))

    async def capture(request: Request) -> Response:
        if shown.files:
            return FileResponse(file_of(request)[0], filename="zmq.pcap", media_type=PCAP)
        assert shown.kept
        headers = {"Content-Disposition": 'attachment; filename="zmq.pcap"'}
        return StreamingResponse(shown.kept(), media_type=PCAP, headers=headers)

    async def report(request: Request) -> Response:
        async with shown.writing:
            if shown.files:
                path, name, _ = file_of(request)
                text = await asyncio.to_thread(told, path, name, shown.ports)
            else:
                assert shown.kept
                kept = io.BufferedReader(Joined(shown.kept()))
                text = await asyncio.to_thread(told, kept, "zmq.pcap", shown.ports)
        headers = {"Content-Disposition": 'attachment; filename="zmq.html"'}
        return Response(text, media_type="text/html", headers=headers)

    async def style(request: Request) -> Response:
        return FileResponse(TEMPLATES / "diagram.css")

    routes: list[Any] = [
        Route("/", page),
        Route("/events", events),
        Route("/play", play),
        Route("/zmq.pcap", capture),
        Route("/zmq.html", report),
        Route("/static/diagram.css", style),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    return Guard(Starlette(routes=routes))


PCAP = "application/vnd.tcpdump.pcap"


class Lines(StreamingResponse):
    """Lines of a capture that is played.

    They end with the response, and with them the story that they are of: a browser that goes
    elsewhere leaves cycles behind, which would keep it.
    """

    def __init__(self, lines: Generator[bytes]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self.lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with closing(self.lines):
            await super().__call__(scope, receive, send)


def number(request: Request, name: str) -> int:
    """Return a number that is asked for, 0 if it is none."""
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 12 else 0


class Joined(io.RawIOBase):
    """StreamEvents of a file, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.rest = self.rest or next(self.pieces, b"")
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def told(source: str | BinaryIO, name: str, ports: dict[int, tuple[str, str]]) -> str:
    """Return the page for a report on a capture, as --html writes it."""
    story, out = Story(ports=ports), io.StringIO()
    read(source, story)  # damaged or nothing yet: the page tells what could be read
    write_page(name, story, out)
    return out.getvalue()
