"""The form of answers (docs/jawaban.txt): what it asks, and how a filled form is read.

A line for each answer, `key = value`; `#` begins a comment. Capitals, Windows line endings, a
byte order mark, UTF-16, `:` or a tab for `=`, hyphens or spaces in a key are all well. The text in
a Word or OpenDocument file and the cells of a CSV file are read as such lines.
"""

import codecs
import os
import re
from typing import NamedTuple

from capture.files import reason
from safe import Said, printable


class Question(NamedTuple):
    """What a question asks for, and where it is marked."""

    module: str  # of grade/, with a class that answers.py calls
    asks: str  # packets: the kind of event; else: the kind of number
    whose: str = ""  # a socket type, a pattern, or the question whose packet is meant


QUESTIONS = {  # in the order of the form
    "greeting_start": Question("packets", "greeting", "REQ"),
    "request": Question("packets", "request"),
    "reply": Question("packets", "reply"),
    "size_byte": Question("details", "size in hex", "request"),
    "request_seq": Question("details", "relative sequence number", "request"),
    "reply_len": Question("details", "length of the data", "reply"),
    "first_reply": Question("times", "milliseconds"),
    "push": Question("counts", "packets with PSH", "REQ-REP"),
    "subscribe": Question("packets", "subscribe"),
    "subscriber_data": Question("counts", "packets with data to the server", "PUB-SUB"),
    "job_ack": Question("acknowledged", "packet"),
    "jobs_lost": Question("lost_jobs", "jobs"),
}
# The form that was handed out before: who still has it is marked by what it asks.
EARLIER = {
    "greeting_req": Question("packets", "greeting", "REQ"),
    "greeting_rep": Question("packets", "greeting", "REP"),
    "ready_req": Question("packets", "ready", "REQ"),
    "ready_rep": Question("packets", "ready", "REP"),
    "request": QUESTIONS["request"],
    "reply": QUESTIONS["reply"],
    "round_trip": Question("times", "milliseconds", "reply"),
    "delimiter": Question("packets", "delimiter"),
    "subscribe": QUESTIONS["subscribe"],
    "published": Question("packets", "published"),
    "job": Question("packets", "job"),
    "jobs_lost": QUESTIONS["jobs_lost"],
}
ALL = QUESTIONS | EARLIER
SIZE = 1 << 16  # bytes of a form
UNPACKED = 1 << 21  # bytes of the text of a document, with its markup
ODD = 3  # lines that are shown
COMMENT = re.compile(r"(?:^|\s)#(?!\d).*|(?<=\S)#.*")
ANSWER = re.compile(r'([^=:\t,;0-9]+?)"?\s*(?:[=:\t,;]|\s(?=#?[0-9]))\s*"?(.*)')
JOINT = re.compile(r"[\s_-]+")  # of the words of a key
FILLED = re.compile(r"[^\W_]")  # in what is no blank to be filled
DOCUMENTS = ("word/document.xml", "content.xml")  # where Word and OpenDocument have their text
BREAK = re.compile(r"</(?:w:p|text:p|text:h)>|<w:br/>|<text:line-break/>")
TAB = re.compile(r"<w:tab/>|<text:tab/>|</w:tc>|</table:table-cell>")
# What is neither text nor read: how it begins, and what it is.
UNREAD = {
    b"{\\rtf": Said("an RTF document, not a text: not read"),
    b"\xd0\xcf\x11\xe0": Said("an old Word document, not a text: not read"),
    b"%PDF": Said("a PDF document, not a text: not read"),
    b"\x89PNG": Said("a picture, not a text: not read"),
    b"\xff\xd8\xff": Said("a picture, not a text: not read"),
}
UNITS = {"ns": 1e-6, "s": 1000.0, "detik": 1000.0, "sec": 1000.0, "second": 1000.0}
UNITS |= dict.fromkeys(("us", "µs", "μs", "mikrodetik", "microsecond", "microseconds"), 1e-3)
UNITS["seconds"] = 1000.0


class FormError(Exception):
    """A form cannot be read; `said` says why."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(said)


class Form(NamedTuple):
    """A filled form."""

    answers: dict[str, str]  # key -> what is written there; without those left empty
    odd: list[str]  # what is wrong with the form itself, safe to show
    earlier: bool = False  # it is the form that was handed out before

    @property
    def questions(self) -> dict[str, Question]:
        """Return what it asks, in its order."""
        return EARLIER if self.earlier else QUESTIONS


def read_form(path: str) -> Form:
    """Read the form at `path`. Raises FormError if that cannot be done."""
    try:
        if not os.path.isfile(path) and os.path.exists(path):  # a pipe might not end
            raise FormError(Said("not a file"))
        with open(path, "rb") as file:
            start = file.read(8)
            if start.startswith(b"PK\x03\x04"):
                return parse(_document(path).encode())
            for magic, kind in UNREAD.items():
                if start.startswith(magic):
                    raise FormError(kind)
            data = start + file.read(SIZE + 1 - len(start))
    except OSError as error:
        raise FormError(reason(error, path)) from None
    if len(data) > SIZE:
        raise FormError(Said("longer than {size} bytes: not read", size=format(SIZE, ",")))
    return parse(data)


def _document(path: str) -> str:
    """Return the text of a Word or OpenDocument file, a line for each paragraph."""
    import html  # these two take as long as all else of this room, for what few hand in
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in DOCUMENTS if name in archive.namelist())
            with archive.open(name) as file:
                markup = file.read(UNPACKED).decode(errors="replace")
    except StopIteration:
        raise FormError(Said("a zip archive, not a text: not read")) from None
    except Exception:  # zipfile raises many kinds on what is damaged
        raise FormError(Said("a document that is damaged: not read")) from None
    markup = TAB.sub("\t", BREAK.sub("\n", markup))
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def parse(data: bytes) -> Form:
    """Read the text of a form. What is answered twice, and not alike, has no single answer."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", "replace")
    answers: dict[str, str] = {}
    odd: list[str] = []
    earlier = False
    for line in text.splitlines():
        if "#" in line:  # "#14" is a number
            line = COMMENT.sub("", line)
        line = line.strip()
        key, value = _answer(line)
        earlier |= key in EARLIER and key not in QUESTIONS
        if key not in ALL:
            if line.strip('",;\t '):
                odd.append(f'"{printable(line.encode())[:40]}"')
        elif FILLED.search(value):
            known = answers.setdefault(key, value)
            if known != value:
                answers[key] = f"{known} or {value}"
    said = Said("no answer to a question: {lines}", lines=", ".join(odd[:ODD]))
    if more := odd[ODD:]:
        said = Said(
            "no answer to a question: {lines} and {number} more lines",
            lines=", ".join(odd[:ODD]),
            number=format(len(more), ","),
        )
    return Form(answers, [said] if odd else [], earlier)


def _answer(line: str) -> tuple[str, str]:
    """Return the key and the value of a line; the key is "" if it has neither sign nor number."""
    cells = line.strip('"')
    found = ANSWER.match(cells)
    if not found:
        return "", ""
    key = found[1].strip().casefold()
    return key if key in ALL else JOINT.sub("_", key), found[2].lstrip('=:"\t ').strip()


def numbers(value: str) -> list[int]:
    """Return the numbers in a value, at most two; none if there is no single one.

    "14", "#14", "packet 14 (the ZMTP one)" are one. "39–47", which is how a run is told, and
    "8 dan 9" are two; "8 or 9" and three are none.
    """
    if value.isascii() and value.isdecimal() and len(value) <= 10:  # as most are
        return [int(value)]
    if not value or re.search(r"\b(?:or|atau)\b", value):
        return []
    value = re.sub(r"\([^)]*\)", " ", value) if re.match(r"\D*\d", value) else value
    value = re.sub(r"(?<=[0-9])\s*[-–—]\s*", " ", value)  # a range
    found = re.findall(r"-?[0-9]+(?:[.,][0-9]+)*", value)
    known = list(dict.fromkeys(found))
    if not 0 < len(known) < 3 or any(not each.isdecimal() or len(each) > 10 for each in known):
        return []
    return [int(each) for each in known]


def whole(value: str) -> int | None:
    """Return the one number in a value, None if it is not one."""
    found = numbers(value)
    return found[0] if len(found) == 1 else None


def hexadecimal(value: str) -> int | None:
    """Return the one number in a value that is written in hex ("0a", "0x0A", "0a hex")."""
    found = re.findall(r"\b(?:0x)?([0-9a-f]{1,16})\b", re.sub(r"\([^)]*\)", " ", value.casefold()))
    return int(found[0], 16) if len(set(found)) == 1 else None


def milliseconds(value: str) -> float | None:
    """Return the one time in a value ("0.30", ".3", "0,30 ms", "409 µs"), None if it is not one."""
    found = re.findall(r"(-?[0-9]*[.,]?[0-9]+)\s*([^\W\d_]*)", value)
    if len(set(found)) != 1:
        return None
    number, unit = found[0][0].replace(",", "."), found[0][1].casefold()
    if number[0] == "-" or len(number) >= 20:
        return None
    return round(float(number) * UNITS.get(unit, 1.0), 9)
