"""The form of answers (docs/jawaban.txt): what it asks, and how a filled form is read.

A line for each answer, `key = value`; `#` begins a comment. Capitals, Windows line endings, a
byte order mark, UTF-16, `:` for `=` and hyphens or spaces in a key are all well.
"""

import codecs
import os
import re
from typing import NamedTuple

from capture.files import reason
from output.language import _
from safe import printable

PACKETS = {  # key -> kind of event, and the socket type that sends it if there are two
    "greeting_req": ("greeting", "REQ"),
    "greeting_rep": ("greeting", "REP"),
    "ready_req": ("ready", "REQ"),
    "ready_rep": ("ready", "REP"),
    "request": ("request", ""),
    "reply": ("reply", ""),
    "delimiter": ("reply", ""),
    "subscribe": ("subscribe", ""),
    "published": ("published", ""),
    "job": ("job", ""),
}
VALUES = ("round_trip", "jobs_lost")  # milliseconds, and a count
QUESTIONS = (*PACKETS, *VALUES)
SIZE = 1 << 16  # bytes of a form
ODD = 3  # lines that are shown


class FormError(Exception):
    """A form cannot be read; the text says why."""


class Form(NamedTuple):
    """A filled form."""

    answers: dict[str, str]  # key -> what is written there; without those left empty
    odd: list[str]  # what is wrong with the form itself, safe to show


def read_form(path: str) -> Form:
    """Read the form at `path`. Raises FormError if that cannot be done."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe might not end
            raise FormError("not a file")
        with open(path, "rb") as file:
            data = file.read(SIZE + 1)
    except OSError as error:
        raise FormError(reason(error, path)) from None
    if len(data) > SIZE:
        raise FormError(f"longer than {SIZE:,} bytes: not read")
    return parse(data)


def parse(data: bytes) -> Form:
    """Read the text of a form. What is answered twice, and not alike, has no single answer."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig", "replace")
    answers: dict[str, str] = {}
    odd: list[str] = []
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip()
        key, sign, value = re.sub(r"[=:]", "=", line, count=1).partition("=")
        key = re.sub(r"[\s_-]+", "_", key.strip().casefold())
        value = value.strip()
        if key not in QUESTIONS or not sign:
            if line:
                odd.append(f'"{printable(line.encode())[:40]}"')
        elif re.search(r"\w", value.replace("_", "")):
            known = answers.setdefault(key, value)
            if known != value:
                answers[key] = f"{known} or {value}"
    said = _("no answer to a question: {lines}").format(lines=", ".join(odd[:ODD]))
    if len(odd) > ODD:
        said += _(" and {number} more lines").format(number=f"{len(odd) - ODD:,}")
    return Form(answers, [said] if odd else [])


def whole(value: str) -> int | None:
    """Return the one number in a value ("14", "packet 14 (Hello)"), None if it is not one."""
    found = set(re.findall(r"-?[0-9]+", value))
    number = found.pop() if len(found) == 1 else ""
    return int(number) if number.isdecimal() and len(number) < 10 else None


def milliseconds(value: str) -> float | None:
    """Return the one time in a value ("0.30", ".3", "0,30 ms"), None if it is not one."""
    found = set(re.findall(r"-?[0-9]*[.,]?[0-9]+", value))
    number = found.pop().replace(",", ".") if len(found) == 1 else "-"
    return float(number) if number[0] != "-" and len(number) < 20 else None
