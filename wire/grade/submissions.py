"""Which captures a class has handed in, whose they are, and which form lies beside each."""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from capture.files import reason
from safe import printable

CAPTURE = re.compile(r"\.(?:pcap|pcapng|cap)(?:\.(?:gz|zst|lz4))?$", re.I)
FORM = re.compile(r"\.txt$", re.I)
MAGIC = {b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}
MAGIC |= {b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"}


class Submission(NamedTuple):
    """A capture that was handed in."""

    path: str
    name: str  # the file's name, safe to show
    number: str  # the student's, as the name has it
    form: str = ""  # path of the form beside it, "" if there is none


@dataclass
class Class:
    """All that was handed in."""

    files: list[Submission] = field(default_factory=list)  # sorted by number
    others: list[str] = field(default_factory=list)  # names of what is neither capture nor form
    forms: list[str] = field(default_factory=list)  # names of forms without a capture
    closed: list[str] = field(default_factory=list)  # paths that cannot be read at all, and why


def shown(path: str) -> str:
    """Return the name of a file without its folder, safe to show."""
    return printable(os.fsencode(os.path.basename(path)))


def number(name: str) -> str:
    """Return the student number: a file's name up to what is neither letter nor digit."""
    found = re.match(r"[^\W_]*", name)
    return found[0] if found else ""


def stem(name: str) -> str:
    """Return the name that a capture and its form share, whatever the case.

    Windows hides the end of a name, so that a form may be called a.txt.txt or a.pcap.txt.
    """
    while FORM.search(name):
        name = FORM.sub("", name)
    return CAPTURE.sub("", name).casefold()


def beside(path: str) -> tuple[str, str]:
    """Return what a capture and its form have in common: their folder, and their name."""
    folder, name = os.path.split(path)
    return os.path.realpath(folder), stem(name)


def handed_in(paths: Iterable[str]) -> Class:
    """Return what is in these folders, and these files; hidden files are left out."""
    found = Class()
    captures: dict[tuple[str, str], str] = {}  # folder and name: who is named twice counts once
    forms: dict[tuple[str, str], str] = {}  # folder and stem -> path
    for path in paths:
        for each in _inside(path, found):
            name = os.path.basename(each)
            if os.path.isdir(each):
                found.others.append(f"{shown(each)}/")
            elif FORM.search(name):
                known = forms.setdefault(beside(each), each)
                if os.path.realpath(known) != os.path.realpath(each):
                    found.forms.append(shown(each))
            elif each == path or CAPTURE.search(name) or _is_capture(each):
                captures.setdefault((os.path.realpath(os.path.dirname(each)), name), each)
                if each == path:
                    _beside(each, forms)
            else:
                found.others.append(shown(each))
    pairs = _paired(list(captures.values()), forms)
    for path, form in pairs.items():
        found.files.append(Submission(path, shown(path), number(os.path.basename(path)), form))
    found.files.sort(key=lambda file: (file.number.casefold(), file.name, file.path))
    found.forms += sorted(map(shown, set(forms.values()) - set(pairs.values())))
    return found


def _paired(paths: list[str], forms: dict[tuple[str, str], str]) -> dict[str, str]:
    """Return capture -> its form: of the same name, else the only one left with its number."""
    pairs = {path: forms.get(beside(path), "") for path in paths}
    left: dict[tuple[str, str], list[str]] = {}
    for path in [*sorted(set(forms.values()) - set(pairs.values())), *paths]:
        folder, name = os.path.split(path)
        if number(name) and not pairs.get(path):
            left.setdefault((os.path.realpath(folder), number(name)), []).append(path)
    for form, path in (each for each in left.values() if len(each) == 2):
        if form not in pairs and path in pairs:
            pairs[path] = form
    return pairs


def _inside(path: str, found: Class) -> list[str]:
    """Return what is in a folder, and a file as it is."""
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return [path]
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError as error:
        found.closed.append(f"{printable(os.fsencode(path))}: {reason(error, path)}")
        return []
    return [os.path.join(path, name) for name in names]


def _beside(path: str, forms: dict[tuple[str, str], str]) -> None:
    """Find the form of a capture that was named itself."""
    for end in ".txt", ".TXT", ".Txt":
        form = CAPTURE.sub("", path) + end
        if os.path.exists(form):
            forms.setdefault(beside(form), form)


def _is_capture(path: str) -> bool:
    """Tell whether a file begins as a capture does, whatever its name."""
    try:
        if not os.path.isfile(path):  # a pipe would not end
            return False
        with open(path, "rb") as file:
            return file.read(4) in MAGIC
    except OSError:
        return False
