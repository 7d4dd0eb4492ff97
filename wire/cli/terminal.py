"""What a person at a terminal sees beside the output: colours, how far it is, what went wrong."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, TypeVar

from capture.packet import Packet
from safe import printable

NEEDED = "this needs {}: pip install it, or run zmq-wire, the container that has it"
T = TypeVar("T")


def colour() -> bool:
    """Tell whether the output may have colours (NO_COLOR forbids them)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def complain(name: str, wrong: str) -> int:
    """Say in one line on stderr what is wrong with `name`, and return the exit code for it."""
    print(f"wirezmq.py: {printable(os.fsencode(name))}: {wrong}", file=sys.stderr)
    return 2


def written(name: str, reader: str) -> None:
    """Say in one line on stderr that a file is written, and for what."""
    print(f"{printable(os.fsencode(name))}: written, for {reader}", file=sys.stderr)


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


def watched(packets: Iterator[Packet], file: BinaryIO) -> Iterator[Packet]:
    """Pass the packets of a file on, and say how far it is where a person looks on."""
    if not sys.stderr.isatty():
        return packets

    def far(packet: Packet) -> str:
        size = os.fstat(file.fileno()).st_size if file.seekable() else 0
        return f"{packet.number:,} packets" + (f", {file.tell() * 100 // size} %" if size else "")

    return progress(packets, far)
