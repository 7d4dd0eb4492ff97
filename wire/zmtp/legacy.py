"""ZMTP 1.0 (RFC 13) and 2.0 (RFC 15): how they are recognised, and what is different in them.

A peer of 2.0 begins with the signature, its revision (1 byte) and the number of its socket type
(1 byte); its frames look like those of 3.x, but there are no commands. A peer of 1.0 begins with
its identity, a frame which is almost always the empty 01 00; its frames state their size first,
which counts the flags. A later peer that meets one of 1.0 goes on in 1.0: then its signature was
the header of the frame with its own identity.
"""

from typing import NamedTuple

from zmtp.beginning import SIGNATURE, Beginning, Held
from zmtp.patterns import NUMBERED

GREETING = 12  # bytes of a greeting of 2.0
MORE = 1
VERSIONS = ("1.0", "2.0")
WAIT, NEITHER = "", "neither"
NEWER = "it knows {}, and goes on in {} as the older side needs it"


class Greeted(NamedTuple):
    """What a greeting of 1.0 or 2.0 says."""

    size: int  # bytes of it that are no frames
    end: Held  # the piece that holds its last byte
    socket_type: str
    raw: bytes
    note: str


def framing(version: str) -> tuple[bool, int]:
    """Return whether frames are those of 1.0, and the highest flags of a frame."""
    return version == "1.0", 3 if version == "2.0" else 6


def header(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return flags, size of the body and its place for a frame of 1.0, None if it is cut.

    RFC 13, "Framing". The size is -1 where none can be.
    """
    start = at + 9 if data[at] == 255 else at + 1
    if start >= len(data):
        return None
    size = int.from_bytes(data[at + 1 : start]) if data[at] == 255 else data[at]
    return data[start] & MORE, size - 1, start + 1


def chained(data: bytes, partial: bool = False) -> bool:
    """Tell whether frames of 1.0 follow one another to the end, one of them with a body.

    `partial`: the last may be cut, and none needs a body.
    """
    at, filled = 0, partial
    while at < len(data):
        found = header(data, at)
        if found is None:
            return partial
        _, size, start = found
        if size < 0 or data[start - 1] > MORE or size >= 1 << 40:
            return False
        at, filled = start + size, filled or size > 0
    return filled and (partial or at == len(data))


def possible(side: Beginning) -> bool:
    """Tell whether a side can be one of 1.0: a frame that is its identity, then others."""
    known = side.known
    at = 9 if known[:1] == b"\xff" else 1
    return len(known) > at and known[0] > 0 and known[at] == 0 and chained(known, True)


def version(us: Beginning, peer: Beginning, final: bool, guess: bool, late: bool) -> str:
    """Return "1.0" or "2.0" if a side goes on in that, NEITHER if not, WAIT if more is needed.

    `final`: no more comes. `guess`: by its port it should be ZMTP. `late`: its beginning is not
    in the capture. RFC 37, "Version Negotiation"; RFC 15, "Backwards Compatibility".
    """
    if not us.signed:
        return _unsigned(us, peer, final, guess, late)
    if peer.signed is False and possible(peer):
        return "1.0"
    if us.version is None:
        return NEITHER
    if peer.signed and (us.version < 3 or peer.version is not None):
        if us.version >= 3 and (peer.version or 0) >= 3:
            return NEITHER
        return "2.0" if us.size >= GREETING or final else WAIT
    # By its own bytes alone: a type above 1 is no flags of 1.0, flags are no mechanism.
    known = us.known
    typed = len(known) > GREETING and known[11] < len(NUMBERED) and known[GREETING] < 4
    if typed and known[11] > 1:
        return "2.0"
    if final and not us.names_mechanism:
        if typed or (us.version in (1, 2) and len(known) <= GREETING):
            return "2.0"
        if chained(known[SIGNATURE:], us.version < 3):
            return "1.0"
    return NEITHER


def _unsigned(us: Beginning, peer: Beginning, final: bool, guess: bool, late: bool) -> str:
    """Return what a side is that begins with no signature: "1.0", NEITHER or WAIT."""
    can = possible(us)
    if late and not can:
        return NEITHER
    if len(us.known) == 1 and not final:
        return WAIT
    if not can:
        return NEITHER
    if certain(us, peer) or (guess and not late and us.known[:2] == b"\1\0"):
        return "1.0"
    if peer.signed is None and not final:
        return WAIT
    return "1.0" if guess and not late else NEITHER


def certain(us: Beginning, peer: Beginning) -> bool:
    """Tell whether a side's version is certain without a guess by the port."""
    if us.signed or peer.signed:
        return True
    anonymous = b"\1\0" in (us.known[:2], peer.known[:2])
    return anonymous and possible(us) and peer.signed is False and possible(peer)


def greeting(version: str, side: Beginning) -> Greeted:
    """Return what the greeting of a side says that goes on in this version."""
    known = side.known
    if version == "1.0":
        size = SIGNATURE if side.signed else 0
        said = NEWER.format("a later version", "1.0") * bool(side.signed)
        return Greeted(0, side.piece(size or 2), "", known[:size], said)
    there = len(known) >= GREETING and known[11] < len(NUMBERED)
    said = NEWER.format(f"ZMTP {known[10]}", "2.0") * (known[10] > 2)
    kind = NUMBERED[known[11]] if there else ""
    return Greeted(GREETING, side.piece(GREETING), kind, known[:GREETING], said)
