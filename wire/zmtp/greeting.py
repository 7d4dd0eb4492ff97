"""Decides what the first bytes of each side are: its greeting, in the version both go on in.

    negotiation = Negotiation(guess, late)
    negotiation.feed(side, data, packet, time) -> [(side, item), …]

A peer of 2.0 and later begins with a signature, %xFF 8OCTET %x7F. What follows depends on what
the other side is (RFC 23 and 37, "Version Negotiation"):

    other side   what follows the signature
    3.x          version (2), mechanism (20), as-server (1), filler (31), then frames
    older        what legacy.py knows

So bytes are held back until those of the other side are there, or until they can mean one thing
only. With `guess` (by the port) a lone peer of 1.0 is believed. Sides are 0 and 1.
"""

from collections.abc import Iterator
from functools import lru_cache

from safe import text_of
from zmtp import legacy
from zmtp.beginning import NEW, SIGNATURE, Beginning, Held
from zmtp.frames import FOREIGN, Begun, FrameReader, Greeting, Item, Skipped

HELD = 1 << 16  # bytes of a side that are held back at most
UNDECIDED = ""
make = tuple.__new__  # makes a NamedTuple in a third of the time
CUT = "begins a greeting, of which bytes are missing"


class Negotiation:
    """Both sides of a connection until their greetings are decided; it feeds the readers."""

    __slots__ = ("done", "foreign", "guess", "late", "proved", "readers", "sides", "zmtp")

    def __init__(self, guess: bool = False, late: bool = False) -> None:
        self.guess, self.late = guess, late
        self.done = False  # both are decided: the readers may be fed at once
        self.zmtp = False  # at least one side speaks it
        self.proved = False  # and that is no guess by the port
        self.sides = (Beginning(), Beginning())
        self.foreign: list[Skipped | None] = [None, None]  # what came that is no ZMTP
        self.readers = (FrameReader(), FrameReader())

    def feed(self, side: int, data: bytes, packet: int, time: float) -> list[tuple[int, Item]]:
        """Return what is complete with this data of a side, which came in this packet."""
        us = self.sides[side]
        if foreign := self.foreign[side]:
            self.foreign[side] = Skipped(packet, time, foreign.size + len(data), FOREIGN)
            return []
        if not us.open:
            return [(side, item) for item in self.readers[side].feed(data, packet, time)]
        us.add(make(Held, (data, len(data), packet, time)))
        return self._settle()

    def skip(self, side: int, size: int, packet: int, time: float) -> list[tuple[int, Item]]:
        """Say that `size` bytes of a side are not in the capture."""
        us = self.sides[side]
        if not us.open:
            return [(side, item) for item in self.readers[side].skip(size, packet, time)]
        us.add(Held(b"", size, packet, time))
        return self._settle()

    def end(self, *ended: int) -> list[tuple[int, Item]]:
        """Decide what is held back of sides that send no more.

        Of one alone only what is certain, whatever the other is.
        """
        sides = [self.sides[side] for side in ended]
        if len(sides) == 1:
            sides = [us for us in sides if us.signed and (us.version or 3) >= 3]
        return self._settle(*sides)

    def begun(self, side: int) -> Begun | None:
        """Return what a side has begun, if the rest of it has not come."""
        us = self.sides[side]
        if not us.pieces:
            return self.readers[side].begun()
        first, last = us.pieces[0], us.pieces[-1]
        version = us.version or 0 if us.signed else 0
        whole = (NEW if version > 2 else legacy.GREETING) if version else 0
        said = _modern(us.known)[:3] if version > 2 else ("2.0" * bool(version), "", False)
        greeting = Greeting(first.packet, last.packet, last.time, *said, raw=us.known)
        return Begun(first.packet, us.size, whole, us.size - us.there(us.size), None, greeting)

    def _settle(self, *ended: Beginning) -> list[tuple[int, Item]]:
        items: list[tuple[int, Item]] = []
        for side, us in enumerate(self.sides):
            if us.open and us.pieces:
                final = us in ended or us.size > HELD
                verdict = self._verdict(us, self.sides[1 - side], final)
                if verdict != UNDECIDED:
                    us.open = False
                    items += [(side, item) for item in self._begin(side, verdict)]
        if self.zmtp and any(self.foreign):
            for side, foreign in enumerate(self.foreign):
                if foreign:
                    items.append((side, foreign))
                    self.foreign[side] = None
                    self.readers[side].begin("lost")
        if not self.sides[0].open and not self.sides[1].open:
            self.done = self.zmtp
            if len(items) > 1:
                items.sort(key=lambda found: found[1].last)  # stable: each side stays in its order
        return items

    def _verdict(self, us: Beginning, peer: Beginning, final: bool) -> str:
        """Return what a side goes on in: "3", an older version, or what is wrong with it.

        That is "other" (no ZMTP), "lost" (its beginning is not there), "cut" (of its greeting bytes
        are missing) or "begun" (it did not go on with it); UNDECIDED if more is needed. `final`: no
        more comes.
        """
        signed = us.signed
        if signed is None:
            return self._scrap(us, peer) if final else UNDECIDED
        if signed and us.greets:
            return "3"
        older = legacy.version(us, peer, final, self.guess, self.late)
        if older == "2.0" and us.whole and us.size < legacy.GREETING:
            return "begun"
        if older != legacy.NEITHER:
            return older
        if not signed:
            return self._scrap(us, peer)
        there = us.size >= NEW
        if us.version is None:
            if there and not us.whole:
                return "cut"
        elif there and (us.names_mechanism or _both_new(us, peer)):
            return "3"
        if not final:
            return UNDECIDED
        if (us.version or 0) > 2:
            return "3" if there else "begun"
        return "begun" if us.whole and not there else "cut"

    def _scrap(self, us: Beginning, peer: Beginning) -> str:
        """Return what to make of a side that does not begin with a signature."""
        if self.late or not (us.known or us.whole):
            return "lost" if self.guess else "other"
        meant = self.guess or self.zmtp or peer.signed
        begun = us.known[:1] == b"\xff" or us.known == b"\1"
        return "begun" if meant and begun and us.whole and us.signed is not True else "other"

    def _begin(self, side: int, verdict: str) -> Iterator[Item]:
        """Yield the greeting, then what follows it."""
        us, peer, reader = self.sides[side], self.sides[1 - side], self.readers[side]
        pieces, first, last, known = us.pieces, us.pieces[0], us.pieces[-1], us.known
        reader.whole = not self.late
        size = 0
        if verdict == "other":
            reader.begin(verdict)
            self.foreign[side] = Skipped(last.packet, last.time, us.size, FOREIGN)
            us.pieces = []
            return
        self.zmtp = self.zmtp or verdict != "lost"
        self.proved = self.proved or (verdict != "lost" and legacy.certain(us, peer))
        if verdict == "lost":
            reader.begin(verdict)
        elif verdict == "begun":  # begun() tells it
            reader.begin("lost")
            return
        elif verdict == "cut":
            reader.begin("lost")
            reader.whole, size, end = False, len(known), us.piece(len(known))
            yield Skipped(end.packet, end.time, size, CUT)
        elif verdict in legacy.VERSIONS:
            size, end, kind, raw, note = legacy.greeting(verdict, us)
            reader.begin("frames", verdict)
            packets = first.packet, end.packet, end.time
            yield Greeting(*packets, verdict, socket_type=kind, raw=raw, note=note)
        else:
            size, end, lacks = NEW, us.piece(NEW), 0 if us.whole else NEW - us.there(NEW)
            reader.begin("frames")
            note = f"{lacks} of its {NEW} bytes are not in the capture" * bool(lacks)
            raw = known[:NEW]
            said = *_modern(raw), ""
            yield make(Greeting, (first.packet, end.packet, end.time, *said, raw, note))
        us.pieces = []
        for piece in pieces:  # what follows the greeting, from the packets that brought it
            rest = piece.size - size
            size = max(0, -rest)
            if rest > 0 and piece.data:
                yield from reader.feed(piece.data[-rest:], piece.packet, piece.time)
            elif rest > 0:
                yield from reader.skip(rest, piece.packet, piece.time)


def _both_new(us: Beginning, peer: Beginning) -> bool:
    """Tell whether both sides have said a version from 3 on."""
    versions = us.version, peer.version if peer.signed else None
    return all(version is not None and version > 2 for version in versions)


@lru_cache(maxsize=64)  # the greetings of a capture are much the same
def _modern(known: bytes) -> tuple[str, str, bool]:
    """Return version, mechanism and as-server of a greeting of 3.x, as far as they are known."""
    minor = f".{known[11]}" if len(known) > 11 else ""
    name = known[12:32]
    mechanism = name.partition(b"\0")[0] if b"\0" in name else name
    said = text_of(mechanism)
    if len(known) < 32 and b"\0" not in name:
        said = said and said + "…"
    return f"{known[SIGNATURE]}{minor}", said, known[32:33] == b"\1"
