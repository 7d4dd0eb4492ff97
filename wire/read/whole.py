"""Reads a whole capture into a story, and says on a terminal how far it is."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, TypeVar

from read.files import plain
from read.frames import CaptureError, Record, records
from read.story import Look, Story

HERE = "/here"  # where zmq.yml shows zmq-wire the folder that the user stands in
T = TypeVar("T")


def progress(source: Iterable[T], far: Callable[[T], str]) -> Iterator[T]:
    """Pass items on, and say on the terminal how far it is, once it takes over a second."""
    said, due = False, time.monotonic() + 1
    try:
        for item in source:
            if time.monotonic() > due:
                print(f"\r{far(item)}\x1b[K", end="", file=sys.stderr, flush=True)
                said, due = True, time.monotonic() + 0.1
            yield item
    finally:
        if said:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _far(record: Record, file: BinaryIO) -> str:
    size = os.fstat(file.fileno()).st_size if file.seekable() else 0
    return f"{record.number:,} packets" + (f", {file.tell() * 100 // size} %" if size else "")


def reason(error: OSError, path: str) -> str:
    """Say why a file cannot be read or written, in the words of its user."""
    if os.getcwd() == HERE and not os.path.realpath(path).startswith(HERE + "/"):
        return "zmq-wire sees only the folder where you stand: go to that of the file, or copy it"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    return error.strerror or str(error)


def read(path: str, story: Story, look: Look = lambda record, events: None) -> str:
    """Read a capture into the story; return what is wrong with it, or an empty text."""
    try:
        file = sys.stdin.buffer if path == "-" else open(path, "rb", 1 << 20)
        with file:
            source = records(plain(file))
            if sys.stderr.isatty():
                source = progress(source, lambda record: _far(record, file))
            for record in source:
                look(record, story.feed(record))
    except KeyboardInterrupt:
        if path != "-":
            raise
    except CaptureError as error:
        return str(error)
    except OSError as error:
        return reason(error, path)
    finally:
        look(None, story.end())
    return ""
