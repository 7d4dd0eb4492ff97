"""Captures played: a line of JSON for each step, that is for each event.

A browser asks for the lines from a place on and shows them at its own pace, so that a pause, a
step and a speed are its own affair, and nothing that it asks changes anything. It is given so many
at a time, and asks again; whoever reads a capture stops there meanwhile, and goes on from there.
"""

import json
import os
from array import array
from collections import OrderedDict
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from capture.files import CaptureFile
from capture.packet import Packet
from output.words import say
from safe import printable
from serve.page_json import Change
from serve.page_state import PageState
from story.model import New
from story.reader import Segment, read
from story.story import Story

Ports = dict[int, tuple[str, str]]
LINES = 100  # that are given at a time
READERS = 6  # that have stopped somewhere in a capture, kept to go on
BREATH = 1000  # packets on the way to a place, after which it may end: no one may wait any more


class Capture(NamedTuple):
    """A capture that can be played."""

    path: str
    name: str  # safe to show
    packets: int
    steps: "array[int]"  # of each packet: how many events there are up to it
    patterns: list[str]

    @property
    def stem(self) -> str:
        """Return its name without folder and ending, for what is kept of it."""
        return printable(os.fsencode(Path(self.path).stem))

    def step(self, packet: int) -> int:
        """Return how many events there are up to a packet."""
        return self.steps[min(packet, self.packets) - 1] if packet > 0 and self.steps else 0


class Place(NamedTuple):
    """Where a reader of a capture has stopped."""

    path: str
    language: str
    step: int
    pace: float  # seconds of which the events are one line; 0: a line each


Lines = Iterator[Change | None]  # None: a breath on the way


class Playback:
    """Readers of captures, each of which has stopped somewhere. `ports`: as Story has them."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._stopped: OrderedDict[Place, Lines] = OrderedDict()
        self._lock = Lock()

    def place(self, capture: Capture, language: str, step: int, back: int) -> Generator[bytes]:
        """Yield what a page shows some steps before a place, then those steps and some more."""
        step = min(step, capture.step(capture.packets))
        begin = max(0, step - back)
        lines = _lines(capture.path, self.ports, begin, 0.0, True)
        yield from self._given(lines, Place(capture.path, language, begin, 0.0), step - begin)

    def after(self, at: Place) -> Generator[bytes]:
        """Yield lines that follow a place."""
        with self._lock:
            lines = self._stopped.pop(at, None)
        if lines is None:
            lines = _lines(at.path, self.ports, at.step, at.pace, False)
        yield from self._given(lines, at, 0)

    def _given(self, lines: Lines, at: Place, before: int) -> Generator[bytes]:
        """Yield so many lines and LINES more, and keep the rest for who goes on."""
        left, step, ended = before + LINES, at.step, False
        try:
            for change in lines:
                if change is None:
                    yield b""
                    continue
                yield json.dumps(change, separators=(",", ":")).encode() + b"\n"
                ended = "end" in change
                if "step" in change and "reset" not in change:
                    step, left = change["step"], left - 1
                if left <= 0:
                    break
        except GeneratorExit:
            ended = True  # no one waits any more
            raise
        finally:
            if not ended:
                self._keep(Place(at.path, at.language, step, at.pace), lines)

    def _keep(self, at: Place, lines: Lines) -> None:
        with self._lock:
            self._stopped[at] = lines
            if len(self._stopped) > READERS:
                self._stopped.popitem(last=False)


def _lines(path: str, ports: Ports, begin: int, pace: float, all_of_it: bool) -> Lines:
    """Yield what is shown after so many steps, if it is asked for, then each step.

    With a `pace` the events of so many seconds are one line. None comes now and then on the way.
    """
    state, capture, told, due = PageState(ports), CaptureFile(path), not begin, 0.0
    place: Change = {"step": 0, "packets": 0, "time": 0.0}

    def whole() -> list[Change]:
        state.take()
        first, *pieces = state.whole()
        return [first | place, *pieces] if all_of_it else []

    if told:
        yield from whole()
    for packet in capture:
        if not told and packet.number % BREATH == 0:
            yield None
        for event in state.each(packet):
            place = {"step": state.steps, "packets": event.packet, "time": event.time}
            if told and (not pace or event.time >= due):
                due = event.time + pace
                yield state.changes(state.take()) | place
            elif state.steps == begin:
                yield from whole()
                told = True
    state.end()
    if not told:
        yield from whole()
    last = {"packets": state.story.packets, "time": state.story.seconds}
    if state.news:
        yield state.changes(state.take()) | last | {"step": state.steps}
    yield {"end": True, "wrong": capture.wrong, **last}


def find(capture: Capture, ports: Ports, text: str, step: int) -> Generator[int | None]:
    """Yield the number of the first event after a step that says a text, None now and then.

    Letters are compared without their case. 0: there is none.
    """
    story, at, wanted = Story(ports=ports, keep=False, early=True), 0, text.casefold()
    for packet in CaptureFile(capture.path):  # what is wrong with it, its page says
        if packet.number % BREATH == 0:
            yield None
        for _connection, event in story.feed(packet):
            at += 1
            if at > step and wanted in say(event).casefold():
                yield at
                return
    yield 0


def examine(path: str, name: str, ports: Ports) -> tuple[Capture, str]:
    """Read a capture once, and return what can be played, and what is wrong with it, in words."""
    story, steps = Story(ports=ports, keep=False, early=True), array("L")
    done, worth = 0, False

    def look(packet: Packet | None, segment: Segment | None, new: New) -> None:
        nonlocal done, worth
        done += len(new)
        worth = worth or any(event.kind == "refused" or event.layer == "ZMTP" for _, event in new)
        if packet:
            steps.append(done)

    wrong = read(path, story, look)
    if steps:
        steps[-1] = done
    patterns = {connection.pattern: None for connection in story.connections if worth}
    return Capture(path, name, story.packets, steps, list(patterns)), wrong
