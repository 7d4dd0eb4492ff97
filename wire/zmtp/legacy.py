"""What is held back of the beginning of a side, until its greeting is decided."""

from typing import NamedTuple

from zmtp.frames import Skipped, old_chain

SIGNATURE = 10  # bytes


class Held(NamedTuple):
    """Bytes that came, or a number of bytes that the capture does not have."""

    data: bytes
    size: int
    packet: int
    time: float


class Side:
    """What is held back of one side."""

    __slots__ = ("foreign", "known", "open", "pieces", "size", "whole")

    def __init__(self) -> None:
        self.foreign: Skipped | None = None  # what came that is no ZMTP
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

    def signed(self) -> bool | None:
        """Tell whether it begins with a signature; None if too little of it is there."""
        known = self.known
        if known[:1] != b"\xff":
            return False if known or self.pieces else None
        return known[9] == 0x7F if len(known) >= SIGNATURE else None

    def old(self) -> bool:
        """Tell whether it can be a peer of 1.0: a frame that is its identity, then others."""
        known = self.known
        at = 9 if known[:1] == b"\xff" else 1
        return len(known) > at and known[0] > 0 and known[at] == 0 and old_chain(known, True)


def at(pieces: list[Held], size: int) -> Held:
    """Return the piece that holds the byte before this place, or the last."""
    for piece in pieces:
        size -= piece.size
        if size <= 0:
            return piece
    return pieces[-1]
