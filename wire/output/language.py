"""The language of the pages and of --check: English, or what a catalogue in locale/ has.

What the terminal, --json, --pcapng and --grade say is English, and so are the terms of the
protocols in every language. A server speaks several languages at once, so which one is spoken
belongs to what is being done (contextvars).
"""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from safe import Said

LOCALE = os.path.join(os.path.dirname(__file__), "locale")
LANGUAGES = ("en", "id")
POINTS = str.maketrans(",.", ".,")  # Indonesian writes 1.234,5 for 1,234.5
ENGLISH = gettext.NullTranslations()
_spoken: ContextVar[gettext.NullTranslations] = ContextVar("spoken", default=ENGLISH)


@cache
def _catalogue(language: str | None) -> gettext.NullTranslations:
    wanted = [language] if language else None
    return gettext.translation("zmq-wire", LOCALE, wanted, fallback=True)


def speak(language: str | None = None) -> None:
    """Speak "en" or "id" from now on; without a language that of LANGUAGE, LC_ALL, …, or LANG."""
    _spoken.set(_catalogue(language))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak "en" or "id" meanwhile."""
    before = _spoken.set(_catalogue(language))
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> gettext.NullTranslations:
    """Return the translations to speak with."""
    return _spoken.get()


def _(text: str) -> str:
    """Return a text in the language that is spoken."""
    translations = _spoken.get()
    return text if translations is ENGLISH else translations.gettext(text)


def say(text: str) -> str:
    """Return a text of ours, which may be filled in already, in the language that is spoken."""
    if not isinstance(text, Said):
        return _(text)
    fields = {
        key: say(value) if isinstance(value, Said) else value for key, value in text.fields.items()
    }
    return _(text.text).format(**fields)


def number(value: float, digits: int = 0) -> str:
    """Return a number with so many digits after the point, as the language writes it."""
    text = f"{value:,.{digits}f}"
    return text.translate(POINTS) if _("en") == "id" else text


def plain(value: float, digits: int | None = None) -> str:
    """Return such a number without marks between the thousands; with the digits it has, if None."""
    text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return text.replace(".", ",") if _("en") == "id" else text


def preferred(accepted: str) -> str:
    """Return the language that a browser would rather have (RFC 9110, 12.5.4, Accept-Language)."""
    best, most = "en", 0.0
    for entry in accepted.split(","):
        tag, _semicolon, weight = entry.partition(";")
        language = tag.strip().lower().partition("-")[0]
        language = "id" if language == "in" else language  # as old browsers call it
        try:
            much = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            much = 0.0
        if language in LANGUAGES and much > most:
            best, most = language, much
    return best
