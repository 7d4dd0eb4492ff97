"""The first bytes of a side, held back until it is decided what they are."""

import re
from functools import lru_cache
from typing import NamedTuple

SIGNATURE = 10  # bytes with which every greeting but that of 1.0 begins: %xFF 8OCTET %x7F
NEW = 64  # bytes of a greeting of 3.x
FILLER = bytes(31)  # the last of them
MECHANISM = re.compile(rb"[A-Z0-9_.+-]+\0*")


class Held(NamedTuple):
    """Bytes that came, or a number of bytes that the capture does not have."""

    data: bytes
    size: int
    packet: int
    time: float


class Beginning:
    """What is held back of one side."""

    __slots__ = ("known", "open", "pieces", "size", "whole")

    def __init__(self) -> None:
        self.pieces: list[Held] = []
        self.known = b""  # its bytes up to the first that is missing
        self.whole = True  # none is missing
        self.size = 0  # bytes of all pieces
        self.open = True  # not decided yet

    def add(self, piece: Held) -> None:
        """Hold back what came next."""
        self.whole = self.whole and len(piece.data) == piece.size
        if self.whole:
            self.known += piece.data
        self.pieces.append(piece)
        self.size += piece.size

    @property
    def signed(self) -> bool | None:
        """Tell whether it begins with a signature; None if too little of it is there."""
        known = self.known
        if known[:1] != b"\xff":
            return False if known or self.pieces else None
        return known[9] == 0x7F if len(known) >= SIGNATURE else None

    @property
    def version(self) -> int | None:
        """Return the major version, or the revision of 2.0, behind the signature, if it came."""
        return self.known[SIGNATURE] if len(self.known) > SIGNATURE else None

    @property
    def names_mechanism(self) -> bool:
        """Tell whether a mechanism of 3.x follows, as far as it is known."""
        return _names_mechanism(self.known[:32])

    @property
    def greets(self) -> bool:
        """Tell whether a whole greeting of 3.x is there, and nothing odd in it."""
        known = self.known
        return known[33:NEW] == FILLER and _names_mechanism(known[:32])

    def there(self, size: int) -> int:
        """Return how many of its first bytes, of so many, are in the capture."""
        found = at = 0
        for piece in self.pieces:
            found += max(0, min(size - at, piece.size)) if piece.data else 0
            at += piece.size
        return found

    def piece(self, size: int) -> Held:
        """Return the piece that holds the last of so many bytes, or the last of all."""
        for piece in self.pieces:
            size -= piece.size
            if size <= 0:
                return piece
        return self.pieces[-1]


@lru_cache(maxsize=64)  # the greetings of a capture are much the same
def _names_mechanism(known: bytes) -> bool:
    """Tell whether a version of 3.x and a mechanism stand behind a signature."""
    version = known[SIGNATURE] if len(known) > SIGNATURE else 0
    return version > 2 and MECHANISM.fullmatch(known[12:]) is not None
