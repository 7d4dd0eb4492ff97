"""Decides what the first bytes of each side are: its greeting, in the version both go on in.

    negotiation = Negotiation(guess, late)
    negotiation.feed(side, data, packet, time) -> [(side, item), …]

A peer of 2.0 and later begins with a signature, %xFF 8OCTET %x7F. What follows depends on what
the other side is (RFC 23 and 37, "Version Negotiation"; RFC 15, "Backwards Compatibility"):

    other side   what follows the signature
    3.x          version (2), mechanism (20), as-server (1), filler (31), then frames
    2.0          the own version or revision (1), socket type (1), then frames of 2.0
    1.0          frames of 1.0: the signature was the header of the frame with the identity

A peer of 1.0 (RFC 13) begins with its identity, a frame which is almost always the empty 01 00.
So bytes are held back until those of the other side are there, or until they can mean one thing
only. With `guess` (by the port) a lone 1.0 peer is believed. Sides are 0 and 1.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from safe import printable
from zmtp.frames import FOREIGN, FrameReader, Greeting, Item, Skipped, old_chain
from zmtp.legacy import SIGNATURE, Held, Side, at
from zmtp.patterns import NUMBERED

OLD, NEW = 12, 64  # bytes of a greeting of 2.0 and of 3.x
HELD = 1 << 16  # bytes of a side that are held back at most
MECHANISM = re.compile(rb"[A-Z0-9_.+-]+\0*")
NEWER = "it knows {}, and goes on in {} as the older side needs it"


class Negotiation:
    """Both sides of a connection until their greetings are decided; it feeds the readers."""

    __slots__ = ("done", "guess", "late", "readers", "sides", "zmtp")

    def __init__(self, guess: bool = False, late: bool = False) -> None:
        self.guess, self.late = guess, late
        self.done = False  # both are decided: the readers may be fed at once
        self.zmtp = False  # at least one side speaks it
        self.sides = (Side(), Side())
        self.readers = (FrameReader(), FrameReader())

    def feed(self, side: int, data: bytes, packet: int, time: float) -> list[tuple[int, Item]]:
        """Return what is complete with this data of a side, which came in this packet."""
        us = self.sides[side]
        if us.foreign:
            us.foreign = Skipped(packet, time, us.foreign.size + len(data), FOREIGN)
            return []
        if not us.open:
            return [(side, item) for item in self.readers[side].feed(data, packet, time)]
        us.add(Held(data, len(data), packet, time))
        return self._settle(False)

    def skip(self, side: int, size: int, packet: int, time: float) -> list[tuple[int, Item]]:
        """Say that `size` bytes of a side are not in the capture."""
        us = self.sides[side]
        if not us.open:
            return [(side, item) for item in self.readers[side].skip(size, packet, time)]
        us.add(Held(b"", size, packet, time))
        return self._settle(False)

    def end(self) -> list[tuple[int, Item]]:
        """Decide what is held back, since no more comes."""
        return self._settle(True)

    def _settle(self, final: bool) -> list[tuple[int, Item]]:
        items: list[tuple[int, Item]] = []
        for side, us in enumerate(self.sides):
            if us.open and us.pieces:
                last = final or us.size > HELD
                verdict = self._verdict(us, self.sides[1 - side], last)
                if verdict:
                    us.open = False
                    items += [(side, item) for item in self._begin(side, verdict)]
        if self.zmtp:
            for side, us in enumerate(self.sides):
                if us.foreign:
                    items.append((side, us.foreign))
                    us.foreign = None
                    self.readers[side].begin("lost")
        if not self.sides[0].open and not self.sides[1].open:
            self.done = self.zmtp
            items.sort(key=lambda found: found[1].last)  # stable: each side stays in its order
        return items

    def _verdict(self, us: Side, peer: Side, final: bool) -> str:
        """Return the version that a side speaks, "other" if it is no ZMTP, "" if undecided."""
        known, signed = us.known, us.signed()
        if signed is None:
            return "other" if final else ""
        if not signed:
            return self._unsigned(us, peer, final)
        if len(known) >= NEW and _new(known) and not any(known[33:NEW]):
            return "3"
        theirs = peer.signed()
        if theirs is False and peer.old():
            return "1.0"
        if len(known) <= SIGNATURE:
            cut = not us.whole and us.size >= NEW
            return ("cut" if cut else "unfinished") if final or cut else ""
        version = known[SIGNATURE]
        if theirs and (version < 3 or len(peer.known) > SIGNATURE):
            older = version < 3 or peer.known[SIGNATURE] < 3
            ready = us.size >= (OLD if older else NEW) or final
            return ("2.0" if older else "3") if ready else ""
        # By its own bytes alone: a type above 1 is no flags of 1.0, flags are no mechanism.
        two = len(known) > OLD and known[11] < len(NUMBERED) and known[OLD] < 4
        if two and known[11] > 1:
            return "2.0"
        if version > 2 and len(known) > OLD and _new(known) and (us.size >= NEW or final):
            return "3"
        if not final:
            return ""
        if two or (version in (1, 2) and len(known) <= OLD):
            return "2.0"
        if old_chain(known[SIGNATURE:], version < 3):
            return "1.0"
        return "3" if version > 2 else "unfinished"

    def _unsigned(self, us: Side, peer: Side, final: bool) -> str:
        """Return what a side is that begins with no signature."""
        if self.late and not us.old():
            return "lost" if self.guess else "other"
        theirs = peer.signed()
        if len(us.known) == 1 and not final:
            return ""
        if not us.old():
            return "other"
        both = theirs is False and peer.old() and b"\1\0" in (us.known[:2], peer.known[:2])
        if theirs or both or (self.guess and not self.late and us.known[:2] == b"\1\0"):
            return "1.0"
        if theirs is None and not final:
            return ""
        return "lost" if self.late and self.guess else "1.0" if self.guess else "other"

    def _begin(self, side: int, verdict: str) -> Iterator[Item]:
        """Yield the greeting, then what follows it."""
        us, reader = self.sides[side], self.readers[side]
        known, signed = us.known, us.signed()
        pieces, us.pieces = us.pieces, []
        reader.whole = not self.late
        size = 0
        last = pieces[-1]
        if verdict == "other":
            reader.begin(verdict)
            us.foreign = Skipped(last.packet, last.time, sum(p.size for p in pieces), FOREIGN)
            return
        if verdict == "lost":
            reader.begin(verdict)
        self.zmtp = self.zmtp or verdict != "lost"
        if verdict in ("unfinished", "cut"):
            reader.begin("lost")
            reader.whole = us.whole
            said = "begins a greeting, of which no more is in the capture"
            yield Skipped(last.packet, last.time, len(known), said)
            return
        if verdict == "1.0":
            reader.begin("old")
            first = at(pieces, SIGNATURE if signed else 2)
            said = NEWER.format("a later version", "1.0") * bool(signed)
            raw = known[: SIGNATURE if signed else 0]
            yield Greeting(pieces[0].packet, first.packet, first.time, "1.0", raw=raw, note=said)
        elif verdict == "2.0":
            size = OLD
            reader.begin("frames", 3)
            end = at(pieces, OLD)
            kind = NUMBERED[known[11]] if OLD <= len(known) and known[11] < len(NUMBERED) else ""
            said = NEWER.format(f"ZMTP {known[10]}", "2.0") * (known[10] > 2)
            yield Greeting(
                *(pieces[0].packet, end.packet, end.time, "2.0", "", False, kind, known[:OLD], said)
            )
        elif verdict == "3":
            size = NEW
            reader.begin("frames")
            end = at(pieces, NEW)
            yield Greeting(pieces[0].packet, end.packet, end.time, *_modern(known[:NEW]))
        for piece in pieces:  # what follows the greeting, from the packets that brought it
            rest = piece.size - size
            size = max(0, -rest)
            if rest > 0 and piece.data:
                yield from reader.feed(piece.data[-rest:], piece.packet, piece.time)
            elif rest > 0:
                yield from reader.skip(rest, piece.packet, piece.time)


def _new(known: bytes) -> bool:
    """Tell whether a greeting's mechanism can be one, as far as it is known."""
    return known[SIGNATURE] > 2 and MECHANISM.fullmatch(known[OLD:32]) is not None


@lru_cache(maxsize=64)  # the greetings of a capture are much the same
def _modern(known: bytes) -> tuple[str, str, bool, str, bytes, str]:
    """Return what a greeting of 3.x says from its version on, as far as it is known."""
    minor = f".{known[11]}" if len(known) > 11 else ""
    name = known[OLD:32]
    mechanism = name.partition(b"\0")[0] if b"\0" in name else name
    said = printable(mechanism)
    if len(known) < 32 and b"\0" not in name:
        said = said and said + "…"
    note = ""
    if len(known) < NEW:
        note = f"{NEW - len(known)} of its {NEW} bytes are not in the capture"
    server = known[32:33] == b"\1"
    return f"{known[SIGNATURE]}{minor}", said, server, "", known, note
