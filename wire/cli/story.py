"""The story of captures: as text, as JSON, as a page, as an annotated capture."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable
from itertools import islice

from capture import BRIDGE
from capture.files import create, reason
from cli.terminal import NEEDED, colour, complain, watched, written
from safe import printable
from story.reader import Observer, read
from story.story import Story


def run(options: argparse.Namespace) -> int:
    """Tell each capture in `options`, and return the exit code."""
    code = 0
    for path in options.captures:
        each = options.all or options.json
        story = Story(each, options.ports, details=bool(options.html))
        found, wrong = tell(options, path, story, _said(options))
        if not found and not wrong and not story.connections:
            from output.text import nothing

            wrong = nothing(story, BRIDGE)
        code = found or code
        if wrong:
            code = complain(path, wrong)
    return code


def _said(options: argparse.Namespace) -> Callable[[str, Story], Iterable[str]]:
    """Return what gives the lines of a story on the output."""
    if options.json:
        from output.json import json_lines

        return json_lines
    if options.html or options.pcapng:
        return lambda name, story: ()
    from output.text import story_lines

    return lambda name, story: story_lines(name, story, colour())


def tell(
    options: argparse.Namespace,
    path: str,
    story: Story,
    lines: Callable[[str, Story], Iterable[str]],
    *observers: Observer,
) -> tuple[int, str]:
    """Read a capture, print its lines, and write the files that were asked for.

    Returns an exit code, which is not 0 if something cannot be written (that is said already),
    and what is wrong with the capture, in words.
    """
    annotated = None
    try:
        if options.pcapng:
            from output.pcapng import Annotated

            annotated = Annotated(os.path.dirname(options.pcapng) or ".")
            observers = (*observers, annotated.look)
        copy = annotated.copy if annotated else None
        wrong = read(path, story, *observers, watch=watched, copy=copy)
        if wrong and not story.packets:
            return 0, wrong
        name = printable(os.fsencode(path))
        said = iter(lines(name, story))
        while some := [*islice(said, 1000)]:  # in one piece, for speed
            sys.stdout.write("\n".join(some) + "\n")
        if options.html:
            _page(options.html, name, story)
            written(options.html, "a browser")
        if annotated:
            with create(options.pcapng) as file:
                annotated.write(file, story)
            written(options.pcapng, "Wireshark")
        sys.stdout.flush()  # a full disk is noticed here
    except BrokenPipeError:
        raise
    except OSError as error:
        unwritten = str(error.filename or options.html or options.pcapng or "its output")
        return complain(unwritten, f"not written: {reason(error, unwritten)}"), ""
    return 0, wrong


def _page(path: str, name: str, story: Story) -> None:
    try:
        from output.html import write_page
    except ImportError as error:
        sys.exit(complain("--html", NEEDED.format(error.name)))
    with io.TextIOWrapper(create(path), encoding="utf-8") as page:
        write_page(name, story, page)
