"""What a class has handed in, and whose it is: captures and forms, loose or in folders.

What has the same number is one hand-in, whatever its files are called; what has none belongs
together by its folder, or by its name. Nothing is left out: what fits nowhere is named.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from capture.files import is_capture, reason
from grade.numbers import PLATFORM, Numbers, ways
from safe import printable

CAPTURE = re.compile(r"\.(?:pcap|pcapng|cap)(?:\.(?:gz|zst|lz4))?$", re.I)
FORM = re.compile(r"\.(?:txt|csv|docx?|odt|rtf)$", re.I)
DEPTH = 3  # folders in one another that are looked into


class File(NamedTuple):
    """A file that was handed in."""

    path: str
    name: str  # below the folder of the class, safe to show


@dataclass(slots=True)
class Submission:
    """What one student, or a pair, handed in."""

    numbers: list[str]  # the student's, of a pair both; none if no name has one
    captures: list[File] = field(default_factory=list)
    forms: list[File] = field(default_factory=list)

    @property
    def number(self) -> str:
        """Return the numbers as one text, "" if there is none."""
        return "+".join(self.numbers)

    @property
    def owners(self) -> frozenset[str]:
        """Return whose it is, in all ways to write it, to compare."""
        return frozenset(way for number in self.numbers for way in ways(number))


@dataclass
class Class:
    """All that was handed in."""

    submissions: list[Submission] = field(default_factory=list)  # sorted by number
    others: list[str] = field(default_factory=list)  # names of what is neither capture nor form
    closed: list[str] = field(default_factory=list)  # paths that cannot be read at all, and why


def handed_in(paths: Iterable[str], regex: re.Pattern[str] | None = None) -> Class:
    """Return what is in these folders, and these files; hidden files are left out.

    `regex`: what a student number is, where the lecturer says so.
    """
    found = Class()
    files: dict[str, File] = {}  # real folder and name: who is named twice counts once
    named = set()  # files that were named themselves
    real_folder = cache(os.path.realpath)
    for path in paths:
        for file in _inside(path, shown(path), found):
            real = os.path.join(real_folder(os.path.dirname(file.path)), _base(file.path))
            files.setdefault(real, file)
            if file.path == path:
                named.add(path)
                for beside in _beside(path):
                    files.setdefault(os.path.realpath(beside), File(beside, shown(beside)))
    numbers = Numbers([name for file in files.values() for name in _names(file)], regex)
    kept: dict[File, list[str]] = {}  # -> whose it is
    groups: dict[tuple[str, ...], Submission] = {}
    for file in files.values():
        form = FORM.search(file.path) is not None
        if not form and file.path not in named and not _may_be_capture(file.path):
            found.others.append(file.name)
            continue
        kept[file] = _whose(file, numbers)
    _share(kept)
    for file, whose in kept.items():
        form = FORM.search(file.path) is not None
        key = tuple(number.casefold() for number in whose) or ("", _stem(file))
        group = groups.setdefault(key, Submission(whose))
        (group.forms if form else group.captures).append(file)
    found.submissions = sorted(groups.values(), key=_order)
    for each in found.submissions:
        each.captures.sort(key=lambda file: (len(file.name), file.name))
        each.forms.sort(key=lambda file: (len(file.name), file.name))
    for each in list(found.submissions):  # a document without a number is no hand-in
        if not each.captures and not each.numbers and not each.forms[0].path.endswith(".txt"):
            found.submissions.remove(each)
            found.others += [file.name for file in each.forms]
    if not any(each.captures for each in found.submissions):
        found.others += [file.name for each in found.submissions for file in each.forms]
        found.submissions = []
    found.others.sort()
    return found


def _order(submission: Submission) -> tuple[str, str]:
    files = (*submission.captures, *submission.forms)
    return submission.number.casefold(), min(file.name for file in files)


def _whose(file: File, numbers: Numbers) -> list[str]:
    """Return the number in the name of a file or in that of its folder, the likelier of both."""
    known = [found for name in _names(file) if (found := numbers.of(name))]
    return max(known, key=lambda found: numbers.weight(found[0]), default=[])


def _share(kept: dict[File, list[str]]) -> None:
    """Give what has no number in a folder the one that all else in it has.

    What a learning platform calls a folder is no number of a student, if there is another.
    """
    inside: dict[str, list[File]] = {}
    for file in kept:
        if folder := file.name.rpartition("/")[0]:
            inside.setdefault(folder, []).append(file)
    for folder, files in inside.items():
        platform = PLATFORM.search(folder)
        weak = [[], [platform[1]]] if platform else [[]]
        known = {tuple(kept[file]) for file in files if kept[file] not in weak}
        if len(known) == 1:
            kept.update((file, list(*known)) for file in files if kept[file] in weak)


def _names(file: File) -> list[str]:
    """Return the names of the folders of a file, and its own without its ending."""
    *folders, name = file.path.split(os.sep)[-1 - file.name.count("/") :]
    return [*folders, _plain(name)]


def _plain(name: str) -> str:
    """Return a file's name without its endings.

    Windows hides the last of them, so that a form may be called a.txt.txt or a.pcap.txt.
    """
    while FORM.search(name):
        name = FORM.sub("", name)
    return CAPTURE.sub("", name)


def _stem(file: File) -> str:
    """Return what the files of a student without a number share: the folder, or the name."""
    folder, _, name = file.name.rpartition("/")
    return folder or _plain(name).casefold()


def shown(path: str) -> str:
    """Return the name of a file without its folder, safe to show."""
    return printable(os.fsencode(_base(path)))


def _base(path: str) -> str:
    return os.path.basename(os.path.normpath(path))


def _inside(path: str, name: str, found: Class, depth: int = 0) -> Iterator[File]:
    """Yield the files in a folder and in those inside it, and a file as it is."""
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            yield File(path, name)
            return
        if depth > DEPTH:
            found.others.append(f"{name}/")
            return
        names = sorted(each for each in os.listdir(path) if not each.startswith((".", "__")))
    except OSError as error:
        if depth and not os.path.isdir(path):
            yield File(path, name)  # such as a link to nowhere: its row says so
        else:
            found.closed.append(f"{printable(os.fsencode(path))}: {reason(error, path)}")
        return
    if not names and depth:
        found.others.append(f"{name}/")
    for each in names:
        below = f"{name}/" * (depth > 0) + printable(os.fsencode(each))
        yield from _inside(os.path.join(path, each), below, found, depth + 1)


def _beside(path: str) -> Iterator[str]:
    """Yield the form of a capture that was named itself."""
    for end in ".txt", ".TXT", ".Txt":
        form = CAPTURE.sub("", path) + end
        if form != path and os.path.exists(form):
            yield form


def _may_be_capture(path: str) -> bool:
    """Tell whether a file begins as a capture does, or is called one."""
    if CAPTURE.search(path):
        return True
    try:
        return os.path.isfile(path) and is_capture(path)  # a pipe would not end
    except OSError:
        return False
