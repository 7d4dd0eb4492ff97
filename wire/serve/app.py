"""The pages, and what they ask for: changes, lines of a capture that is played, files."""

import asyncio
import io
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from output.html import TEMPLATES, Template, environment, legend, write_page
from output.language import preferred, speak
from serve.guard import AGAIN, Guard
from serve.live import Live
from serve.playback import Capture, Place, Playback, find
from story.reader import read
from story.story import Story

HERE = Path(__file__).parent
BACK = 200  # steps before a place that may be asked for with it
LETTERS = 200  # of a text that is looked for


class Shown:
    """What is shown: a capture that grows, or files. `kept` yields what is kept of the former.

    `language`: what the command line says; if it says nothing, each browser has its own.
    """

    def __init__(
        self,
        name: str,
        ports: dict[int, tuple[str, str]],
        language: str | None = None,
        live: Live | None = None,
        files: list[Capture] | None = None,
    ) -> None:
        self.name, self.ports, self.language, self.live = name, ports, language, live
        self.files = files or []
        self.writing = asyncio.Lock()  # of one page for a report at a time


@cache
def template(language: str) -> Template:
    """Return the template of the page, in a language, which is the one that is spoken."""
    return environment(HERE / "templates").get_template("live.html")


def application(shown: Shown) -> Guard:
    """Return the application that shows a capture."""
    playback = Playback(shown.ports)

    def spoken(request: Request) -> str:
        """Speak the language of a page, or else of a browser, from now on, and return it."""
        asked = request.query_params.get("language", request.headers.get("accept-language", ""))
        language = shown.language or preferred(asked)
        speak(language)
        return language

    def file_of(request: Request) -> Capture:
        at = number(request, "capture")
        return shown.files[at if at < len(shown.files) else 0]

    async def page(request: Request) -> Response:
        live = template(spoken(request))
        file = file_of(request) if shown.files else None
        text = live.render(
            file=file, name=file.name if file else shown.name, arrows=legend(),
            names=[each.name for each in shown.files], at=file and shown.files.index(file),
            again=AGAIN,
        )  # fmt: skip
        return Response(text, media_type="text/html", headers={"Vary": "Accept-Language"})

    async def events(request: Request) -> Response:
        if shown.live is None:
            return PlainTextResponse("no live capture", 404)
        stream = shown.live.cast(spoken(request)).stream()
        return StreamingResponse(stream, media_type="text/event-stream")

    async def play(request: Request) -> Response:
        if not shown.files:
            return PlainTextResponse("no capture to play", 404)
        file, language = file_of(request), spoken(request)
        if "after" in request.query_params:
            pace = min(number(request, "pace"), 100_000) / 1000
            at = Place(file.path, language, number(request, "after"), pace)
            return Lines(playback.after(at))
        step, packet = number(request, "step"), number(request, "packet")
        step = file.step(packet) if packet else step
        return Lines(playback.place(file, language, step, min(number(request, "back"), BACK)))

    async def search(request: Request) -> Response:
        if not shown.files:
            return PlainTextResponse("no capture to play", 404)
        spoken(request)
        text = request.query_params.get("text", "")[:LETTERS]
        found = find(file_of(request), shown.ports, text, number(request, "step"))
        return Lines(b"" if step is None else b'{"step":%d}\n' % step for step in found)

    async def capture(request: Request) -> Response:
        if shown.files:
            file = file_of(request)
            return FileResponse(file.path, filename=Path(file.path).name, media_type=PCAP)
        assert shown.live
        headers = {"Content-Disposition": 'attachment; filename="zmq.pcap"'}
        return StreamingResponse(shown.live.file.kept(), media_type=PCAP, headers=headers)

    async def report(request: Request) -> Response:
        spoken(request)
        async with shown.writing:
            if shown.files:
                file = file_of(request)
                text = await asyncio.to_thread(told, file.path, file.name, shown.ports)
                name = f"{file.stem}.html"
            else:
                assert shown.live
                kept = io.BufferedReader(Joined(shown.live.file.kept()))
                text = await asyncio.to_thread(told, kept, "zmq.pcap", shown.ports)
                name = "zmq.html"
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        return Response(text, media_type="text/html", headers=headers)

    async def style(request: Request) -> Response:
        return FileResponse(TEMPLATES / "diagram.css")

    routes: list[Any] = [
        Route("/", page),
        Route("/events", events),
        Route("/play", play),
        Route("/find", search),
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
        try:
            await super().__call__(scope, receive, send)
        finally:
            with suppress(ValueError):  # the program ends while a thread reads on for them
                self.lines.close()


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
