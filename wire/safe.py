"""Bytes of a capture as text that is safe to show anywhere: on a terminal, in a page, in a file.

Also texts of our own, to be said in any language (output/language.py).
"""

from collections.abc import Mapping

SHOWN = 1000  # characters of a text that are kept in a story whose runs collapse
CONTROLS = {code: ascii(chr(code))[1:-1] for code in range(160) if not chr(code).isprintable()}


class Said(str):
    """A text in English, filled in, which output.language.say() says in the language spoken."""

    text: str  # as it stands in the catalogue
    fields: Mapping[str, object]

    def __new__(cls, text: str, /, **fields: object) -> "Said":
        said = super().__new__(cls, text.format(**fields))
        said.text, said.fields = text, fields
        return said

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, object]]:
        """Return what makes it anew in another process."""
        return (self.text,), self.fields


def printable(data: bytes) -> str:
    """Return UTF-8 text with everything that is not, or that a terminal obeys, escaped.

    For names that people know, such as those of files: a backslash stays as it is.
    """
    text = data.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    text = text.translate(CONTROLS)  # these alone, as a rule
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def text_of(data: bytes, limit: int = SHOWN) -> str:
    r"""Return the text of a body, shortened with "…" after `limit` characters.

    A backslash is doubled, as Python's repr does, so that the byte 1b, which is shown as \x1b,
    and the four characters \x1b, which are shown as \\x1b, cannot be taken for one another.
    """
    if len(data) <= limit:
        return printable(data.replace(b"\\", b"\\\\"))
    text = printable(data[: limit * 4].replace(b"\\", b"\\\\"))  # up to four bytes a character
    return text if len(text) <= limit and len(data) <= limit * 4 else text[:limit] + "…"
