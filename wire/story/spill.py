"""Keeps every message of a story, however many: what does not fit into memory is in a file.

    spill = Spill()
    events = spill.events()   # a sequence; so is spill.plain(), of texts or numbers
    events.append(event)
    spill.weigh(500)          # it takes about so many bytes

What was added last is in memory. Once that takes more than ROOM, all of it goes to a temporary
file, which has no name and is gone with the program: a small story needs none. All may raise
OSError where there is no place for that file, or no room on it.
"""

import marshal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from typing import Any, BinaryIO, TypeVar, overload

from capture.files import temporary
from story.model import Event, MessageFrame
from zmtp.frames import Frame, Greeting

ROOM = 8_000_000  # bytes, about, of what is in memory
T = TypeVar("T")


class Spilled(Sequence[T]):
    """A list of which a part may be in the file, which is read each time that one goes through it.

    `pack` makes of an item what marshal can write, `unpack` the item of that.
    """

    __slots__ = ("_chunks", "_last", "_pack", "_spill", "_unpack")

    def __init__(
        self, spill: "Spill", pack: Callable[[T], Any] | None, unpack: Callable[[Any], T] | None
    ) -> None:
        self._spill, self._pack, self._unpack = spill, pack, unpack
        self._last: list[T] = []
        self._chunks: list[tuple[int, int, int]] = []  # in the file: place, bytes, items

    def append(self, item: T) -> None:
        """Add an item at the end."""
        if not self._last:
            self._spill.partly.append(self)
        self._last.append(item)

    def write(self) -> None:
        """Take what is in memory to the file."""
        items = list(map(self._pack, self._last)) if self._pack else self._last
        place, size = self._spill.write(marshal.dumps(items))
        self._chunks.append((place, size, len(items)))
        self._last = []

    def __iter__(self) -> Iterator[T]:
        """Yield all that is there now."""
        last = tuple(self._last)
        for place, size, _ in tuple(self._chunks):
            items = marshal.loads(self._spill.read(place, size))  # noqa: S302 - write() wrote it
            yield from map(self._unpack, items) if self._unpack else items
        yield from last

    def __len__(self) -> int:
        """Return how many there are, in the file and in memory."""
        return sum(items for _, _, items in self._chunks) + len(self._last)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        """Return an item, or some that follow one another: for a few, since it reads up to them."""
        if isinstance(at, slice):
            return list(islice(self, *at.indices(len(self))))
        place = range(len(self))[at]
        return next(islice(self, place, None))


class Spill:
    """The file of a story, and what of it is in memory."""

    def __init__(self) -> None:
        self.partly: list[Spilled[Any]] = []  # those with items in memory
        self._weight = 0  # bytes of these, about
        self._file: BinaryIO | None = None
        self._size = 0

    def events(self) -> Spilled[Event]:
        """Return an empty sequence of events."""
        return Spilled(self, _packed, _unpacked)

    def plain(self) -> Spilled[Any]:
        """Return an empty sequence of texts or numbers."""
        return Spilled(self, None, None)

    def weigh(self, size: int) -> None:
        """Take into account that so many bytes were added."""
        self._weight += size
        if self._weight > ROOM:
            for each in self.partly:
                each.write()
            self.partly.clear()
            self._weight = 0

    def write(self, data: bytes) -> tuple[int, int]:
        """Write data at the end of the file; return their place and size."""
        if not self._file:
            self._file = temporary()
        self._file.seek(self._size)
        self._file.write(data)
        place, self._size = self._size, self._size + len(data)
        return place, len(data)

    def read(self, place: int, size: int) -> bytes:
        """Return what was written."""
        assert self._file
        self._file.seek(place)
        return self._file.read(size)


# marshal writes no NamedTuple, and of an event all but `into` counts: no event is in a run.
NAMES = tuple(field.name for field in fields(Event))
PARTS, WIRE, INTO = (NAMES.index(name) for name in ("parts", "wire", "into"))
PLAIN = NAMES[:PARTS], NAMES[PARTS + 1 : WIRE], NAMES[INTO + 1 :]
BEFORE, BETWEEN, AFTER = (attrgetter(*names) for names in PLAIN)
Packed = tuple[tuple[Any, ...], list[Any], tuple[Any, ...], list[Any], tuple[Any, ...]]


def _packed(event: Event) -> Packed:
    parts, wire = [tuple(part) for part in event.parts], [tuple(item) for item in event.wire]
    return BEFORE(event), parts, BETWEEN(event), wire, AFTER(event)


def _unpacked(packed: Packed) -> Event:
    before, parts, between, wire, after = packed
    made = [Frame(*item) if len(item) == len(Frame._fields) else Greeting(*item) for item in wire]
    frames = [MessageFrame(*part) for part in parts]
    return Event(*before, frames or (), *between, made or (), None, *after)  # type: ignore[call-arg]
