"""Bytes of a capture as text that is safe to show anywhere: on a terminal, in a page, in a file."""

SHOWN = 1000  # characters of a text that are kept in a story whose runs collapse


def printable(data: bytes) -> str:
    """Return UTF-8 text with everything that is not, or that a terminal obeys, escaped."""
    text = data.decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def text_of(data: bytes, limit: int = SHOWN) -> str:
    """Return the text of a body, shortened with "…" after `limit` characters."""
    if len(data) <= limit:
        return printable(data)
    text = printable(data[: limit * 4])  # a character has up to four bytes
    return text if len(text) <= limit and len(data) <= limit * 4 else text[:limit] + "…"
