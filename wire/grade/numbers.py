"""Whose a file is: the student's number in its name, by the pattern that most of a class share.

    numbers = Numbers(names)          # or Numbers(names, regex), as the lecturer gave it
    numbers.of("Made_5025241001")     # ["5025241001"]; of a pair's file both

A number is an alphanumeric run with digits, or several joined by "." or "-" (A11.21.135,
21-477890-TK). Which part of a name it is, one name does not tell. So the pattern is taken that
has most different numbers in the class, each counted by its length: what is the same for all (a
year, a course) or is counted anew for each (a second try) has few, and short ones.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable

from story.model import Event

LABEL = re.compile(r"(?<![^\W_])(?:nim|nrp|npm|nbi|nis|bp|no)[ ._-]*(?=[^\W_]*[0-9])", re.I)
JOINED = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
WRITTEN = re.compile(r"[^\W_]+(?:[./-][^\W_]+)*[./-]?")
SIGNS, LETTER, DIGIT = re.compile("[./-]"), re.compile(r"[^\W\d_]"), re.compile("[0-9]")
CODE = re.compile("[./-][A-Z]{1,3}[./-]?$", re.I)  # of a number: 21-477890-TK
SMALL = re.compile(r"(?<=[0-9])[.-]([a-z]{1,3})(?![^\W_])")  # what may be one, in a name
ALONE = 8  # digits: a run of so many is a number of its own, whatever stands beside it
PAIRED = 5  # digits: of shorter numbers there is one in a name
PART = re.compile("[^\\W\\d_]{0,4}[0-9]")  # how one of a number begins; "percobaan2" is none
GLUED = re.compile("[^\\W\\d_]+([0-9]{6,})")  # a name and a number
LONGEST = 30  # characters of a number
# What a learning platform (Moodle) puts behind a student's name: a number of its own.
PLATFORM = re.compile(r"_([0-9]+)_assignsubmission_[a-z]+_?.*$")


def shape(number: str) -> str:
    """Return the pattern of a number: its letters as A, its digits as 9."""
    return DIGIT.sub("9", LETTER.sub("A", number))


def plain(text: str) -> str:
    """Return what two ways to write a number share, "" for a text that is none.

    Capitals do not matter, nor which signs join its parts: a file cannot be called 21/477890/TK.
    """
    return SIGNS.sub("", text).casefold() if WRITTEN.fullmatch(text) else ""


def ways(number: str) -> frozenset[str]:
    """Return the ways, as plain() gives them, in which a number may be sent: its code may lack."""
    return frozenset(map(plain, {number, CODE.sub("", number)})) - {""}


def sent_ways(event: Event) -> frozenset[str]:
    """Return the number that a request is, in all ways to write it; none if it is no number."""
    if event.kind != "request" or event.size != len(event.text.encode()):  # such as a pickle
        return frozenset()
    return ways(event.text)


def candidates(name: str, codes: Container[str] = ()) -> list[str]:
    """Return all parts of a name that may be a number, longest first.

    `codes`: what may end one in small letters as well, as "tk" does.
    """
    platform = PLATFORM.search(name)
    name = LABEL.sub(" ", PLATFORM.sub("", name))
    found: dict[str, None] = {}
    for joined in JOINED.findall(name):
        parts, signs = re.split("[.-]", joined), [*re.findall("[.-]", joined), ""]
        whole = [_digits(part) >= ALONE for part in parts]
        for begin in range(len(parts)):
            text = ""
            for end in range(begin, len(parts)):
                text += parts[end]
                if begin < end and (whole[begin] or whole[end]):
                    break
                if _part(parts[end]):
                    found.setdefault(text)
                elif end == begin or not (
                    re.fullmatch("[A-Z]{1,3}", parts[end]) or parts[end].casefold() in codes
                ):
                    break
                else:  # a code at its end: 21-477890-TK
                    found.setdefault(text)
                    break
                text += signs[end]
        for part in parts:
            if glued := GLUED.fullmatch(part):
                found.setdefault(glued[1])
    if not found and platform:
        found[platform[1]] = None
    return sorted((text for text in found if len(text) <= LONGEST), key=len, reverse=True)


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))


def _part(text: str) -> bool:
    """Tell whether a part between two signs may belong to a number."""
    return PART.match(text) is not None


class Numbers:
    """The numbers in the names of a class. `regex`: what a number is; of its groups the first."""

    def __init__(self, names: Iterable[str], regex: re.Pattern[str] | None = None) -> None:
        self.regex, names = regex, list(names)
        seen = Counter(code for name in names for code in {*SMALL.findall(name.casefold())})
        self.codes = {code for code, count in seen.items() if count > 1}  # no name, but a code
        values: dict[str, set[str]] = {}
        for name in dict.fromkeys(names):  # a capture and its form are called alike
            for number in self._candidates(name):
                values.setdefault(shape(number), set()).add(number.casefold())
        self.many = {pattern: len(found) for pattern, found in values.items()}
        self.long = _digits(max(self.many, key=self.weight, default="")) >= ALONE

    def _candidates(self, name: str) -> list[str]:
        if self.regex is None:
            return candidates(name, self.codes)
        groups = self.regex.groups > 0
        return [match[groups] for match in self.regex.finditer(name) if match[groups]]

    def weight(self, number: str) -> int:
        """Return how likely this is a number in the class: the most is the likeliest."""
        return self.many.get(shape(number), 0) * sum(map(str.isalnum, number))

    def of(self, name: str) -> list[str]:
        """Return the number in a name, of a pair's both, in order; none if there is none."""
        found = self._candidates(name)
        if not found:
            return []
        best = max(found, key=self.weight)
        if self.regex is None and _digits(best) < PAIRED:
            return [] if self.long else [best]  # beside long numbers a short one is none
        alike = [number for number in found if shape(number) == shape(best)]
        return sorted(dict.fromkeys(alike), key=name.find)
