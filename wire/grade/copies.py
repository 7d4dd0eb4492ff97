"""Finds captures of a class that hold the same connection, and says what differs between them.

Two students who capture one bridge at the same time are no copies: each packet passed both
captures, which noted it some microseconds apart, now more, now less; a saved copy has one shift.
"""

import filecmp
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from capture.files import magic_number
from grade.fingerprint import EVIDENCE, Fingerprint, Held
from grade.index import Group, Index

OTHERS = 10  # files that are named
COPIED, EDITED, BESIDE = "copied", "edited", "beside"  # what two captures are to each other
MOST_APART = 5000  # microseconds between what two captures of one bridge noted, at most
COMMON = 5, 3  # events that both have to hold, and different times between them


class Copy(NamedTuple):
    """What a capture has in common with others."""

    others: list[str]  # names of at most OTHERS files, the earlier ones in `differs` first
    more: int  # how many there are beyond
    differs: list[str]  # for each earlier file in which a connection is seen first: what differs
    beside: list[str]  # names of files of the same bridge at the same time


def copies(captures: list[Fingerprint]) -> list[Copy]:
    """Return for each capture, in the order of the table, which others hold its connections.

    What the same student handed in is not compared.
    """
    index = Index(captures)
    groups: list[list[Group]] = [[] for _ in captures]  # of each capture
    for at, capture in enumerate(captures):
        for held in capture.held:
            group = index.group(held)
            if at not in group.holders:
                group.holders[at] = held
                groups[at].append(group)
    relations: dict[tuple[int, int], str] = {}

    def pairs(there: int, here: int) -> list[tuple[Held, Held]]:
        return [(g.holders[there], g.holders[here]) for g in groups[here] if there in g.holders]

    def relation(there: int, here: int) -> str:
        pair = min(there, here), max(there, here)
        if pair not in relations:
            relations[pair] = _relation(captures[pair[0]], captures[pair[1]], pairs(*pair))
        return relations[pair]

    def others(group: Group, here: int) -> list[int]:
        """Return who else holds a connection, and has copied it or been copied."""
        found = []
        for there in group.holders:
            if there == here or captures[there].owners & captures[here].owners:
                continue
            how = relation(there, here)
            if how == COPIED or (how == EDITED and not by_third(group, there, here)):
                found.append(there)
        return found

    def by_third(group: Group, there: int, here: int) -> bool:
        """Tell whether one of two was copied from a third, which was made beside the other."""
        return any(
            {relation(third, there), relation(third, here)} == {BESIDE, COPIED}
            for third in group.holders
            if third not in (there, here)
        )

    result = []
    for here, capture in enumerate(captures):
        holders = [found for group in groups[here] if (found := others(group, here))]
        first = sorted({min(found) for found in holders if min(found) < here})
        later = sorted({there for found in holders for there in found} - {*first})
        differs = [
            _differences(captures[there], capture, pairs(there, here)) for there in first[:OTHERS]
        ]
        named = [*first, *later]
        bridge = {
            there
            for pair, how in relations.items()
            if how == BESIDE and here in pair
            for there in pair
        }
        names = [captures[there].name for there in named[:OTHERS]]
        together = [captures[there].name for there in sorted(bridge - {here})]
        result.append(Copy(names, len(named[OTHERS:]), differs, together))
    return result


def _relation(there: Fingerprint, here: Fingerprint, shared: list[tuple[Held, Held]]) -> str:
    """Tell what two captures are to each other that share connections.

    Of those that were made BESIDE each other, of one bridge at the same time, the times differ by
    more than one amount, all of them small; both students sent their number, and what both hold
    says the same. If it does not, one of them is EDITED.
    """
    apart = [time for a, b in shared for time in a.apart(b)]
    enough, amounts = COMMON
    if len(apart) < enough or len(set(apart)) < amounts or max(map(abs, apart)) > MOST_APART:
        return COPIED
    if not (there.sent and here.sent):
        return COPIED
    return EDITED if any(True for a, b in shared for _ in _texts(a, b)) else BESIDE


def _texts(a: Held, b: Held) -> Iterator[tuple[str, str]]:
    """Yield the texts of messages that both hold and that differ."""
    mine, theirs = a.spoken, b.spoken
    if not mine.keys() & theirs.keys():  # the sequence numbers are others
        moved = _moved(a, b)
        mine = {(time + moved, 0): text for time, text in a.texts.items()}
        theirs = {(time, 0): text for time, text in b.texts.items()}
    for at, text in mine.items():
        if (other := theirs.get(at, text)) != text:
            yield text, other


def _differences(there: Fingerprint, here: Fingerprint, shared: list[tuple[Held, Held]]) -> str:
    """Say how many connections two captures share, by what that is known, and what differs."""
    try:
        if filecmp.cmp(there.path, here.path, shallow=False):
            return "byte for byte"
        formats = [magic_number(capture.path) for capture in (there, here)]
    except OSError:
        formats = []
    count = len(here.held)
    seen = {name for a, b in shared for name in a.evidence(b)}
    by = ", ".join(name for name in EVIDENCE if name in seen)
    said = [f"{len(shared)} of {count} connection{'s' * (count != 1)}" + f" ({by})" * bool(by)]
    if there.packets != here.packets:
        said.append(f"{here.packets:,} packets instead of {there.packets:,}")
    if len(set(formats)) > 1:
        said.append("another file format")
    if any(a.client != b.client or a.server != b.server for a, b in shared):
        ports = any(a.ports != b.ports for a, b in shared)
        said.append("other ports" if ports else "other addresses")
    shift = next((moved for a, b in shared if (moved := _moved(a, b))), 0)
    if shift:
        said.append(f"clock {shift / 1e6:+.6f} s")
    if texts := [pair for a, b in shared for pair in _texts(a, b)]:
        more = f" and {len(texts) - 1} more" if texts[1:] else ""
        said.append(f'"{texts[0][1]}" instead of "{texts[0][0]}"{more}')
    if len(said) == 1:
        said.append("no difference in what is told")
    return ", ".join(said)


def _moved(a: Held, b: Held) -> int:
    """Return by how many microseconds the second has a later clock, 0 if that is not known."""
    if apart := a.apart(b):
        return Counter(apart).most_common(1)[0][0]
    for here, there in (a.syn, b.syn), (a.greeting, b.greeting):
        if here and there:
            return there - here
    later = Counter(  # cut at the front: by texts that are the same; one may be so by chance
        there - here
        for here, old in a.texts.items()
        for there, new in b.texts.items()
        if old == new
    )
    return next((moved for moved, times in later.most_common(1) if times > 1), 0)
