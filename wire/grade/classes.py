"""A row for each hand-in of a class, with what its capture shares with those of others."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_all_start_methods, get_context

from grade.copies import copies
from grade.fingerprint import Fingerprint
from grade.graded import Graded, Ports, grade
from grade.numbers import ways
from grade.submissions import Class, Submission
from grade.table import finish

Row = tuple[Graded, list[Fingerprint]]
Watch = Callable[[Iterable[Row], int], Iterable[Row]]
MANY = 100  # hand-ins for which a second process is worth its start
AT_ONCE = 2  # processes that grade: a large capture takes 100 MB, and the container has 256


def graded_class(
    handed: Class, ports: Ports, task: int = 0, watch: Watch | None = None
) -> list[Graded]:
    """Return the rows. `ports` and `task` are those of grade(); `watch` looks on, one by one.

    Raises BrokenProcessPool if a process that grades is killed.
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
    ends = signal.signal, (signal.SIGINT, signal.SIG_DFL)  # at Ctrl-C, at once, without a word
    with ProcessPoolExecutor(AT_ONCE, context, *ends) as pool:
        yield from pool.map(one, submissions, chunksize=MANY // 4)
