"""A row for each hand-in of a class, with what its capture shares with those of others."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection

from grade.copies import copies
from grade.fingerprint import Fingerprint
from grade.graded import Graded, Ports, grade
from grade.numbers import ways
from grade.submissions import Class, Submission
from grade.table import finish

Row = tuple[Graded, list[Fingerprint]]
Watch = Callable[[Iterable[Row], int], Iterable[Row]]
MANY = 100  # hand-ins for which a second process is worth its start
PART = 25  # hand-ins, whose rows have much in common: they are sent together
AT_ONCE = 2  # processes that grade: a large capture takes 100 MB, and the container has 256


def graded_class(
    handed: Class, ports: Ports, task: int = 0, watch: Watch | None = None
) -> list[Graded]:
    """Return the rows. `ports` and `task` are those of grade(); `watch` looks on, one by one.

    Raises EOFError if a process that grades is killed.
    """
    numbers = {way: n for each in handed.submissions for n in each.numbers for way in ways(n)}
    one = partial(grade, numbers=numbers, ports=ports, task=task)
    rows: Iterable[Row] = _several(one, handed.submissions)
    graded: list[Graded] = []
    held: list[list[Fingerprint]] = []
    for row, fingerprints in watch(rows, len(handed.submissions)) if watch else rows:
        graded.append(row)
        held.append(fingerprints)
    shared = iter(copies([fingerprint for some in held for fingerprint in some]))
    for row, fingerprints in zip(graded, held, strict=True):
        found = [next(shared) for _ in fingerprints]
        row.copy = max(found, key=lambda copy: len(copy.others), default=row.copy)
    finish(graded)
    return graded


def _several(one: Callable[[Submission], Row], submissions: list[Submission]) -> Iterator[Row]:
    """Yield what `one` makes of each, in order; AT_ONCE where there are MANY, and cores for it."""
    cores, forks = os.cpu_count() or 1, "fork" in get_all_start_methods()
    if len(submissions) < MANY or cores < AT_ONCE or not forks:
        yield from map(one, submissions)
        return
    context = get_context("fork")  # the others hash texts as this one does
    parts = [submissions[at : at + PART] for at in range(0, len(submissions), PART)]
    readers, processes = [], []
    try:
        for share in range(AT_ONCE):
            reader, writer = context.Pipe(duplex=False)
            given = one, parts[share::AT_ONCE], reader, writer
            process = context.Process(target=_share, args=given, daemon=True)
            # Ctrl-C is for this process alone, from their first moment on: it ends them.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            process.start()
            readers.append(reader)
            processes.append(process)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            writer.close()
        for at in range(len(parts)):
            try:
                part = readers[at % AT_ONCE].recv()
            except OSError as cut:  # in the middle of it
                raise EOFError from cut
            if isinstance(part, OSError):
                raise part
            yield from part
    finally:
        for process in processes:
            process.kill()
            process.join()


def _share(
    one: Callable[[Submission], Row],
    parts: list[list[Submission]],
    reader: Connection,
    writer: Connection,
) -> None:
    """Send what `one` makes of each part, in order; instead of that a full disk, which ends it."""
    reader.close()
    with suppress(BrokenPipeError):  # whoever read is gone
        try:
            for part in parts:
                writer.send([*map(one, part)])
        except OSError as error:
            writer.send(error)
