"""The language of the pages and of --check: English, or what a catalogue in locale/ has.

The words of the story, the names that programs read (--grade, --json) and the terms of the
protocols are English in every language.
"""

import gettext
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
_spoken = gettext.NullTranslations()


def speak(language: str | None = None) -> None:
    """Speak "en" or "id"; without a language that of LANGUAGE, LC_ALL, LC_MESSAGES or LANG."""
    global _spoken
    wanted = [language] if language else None
    _spoken = gettext.translation("zmq-wire", LOCALE, wanted, fallback=True)


def spoken() -> gettext.NullTranslations:
    """Return the translations to speak with."""
    return _spoken


def _(text: str) -> str:
    """Return a text in the language that is spoken."""
    return _spoken.gettext(text)
