"""A row for each hand-in of a class, with what its capture shares with those of others."""

from collections.abc import Callable, Iterable

from grade.copies import copies
from grade.fingerprint import Fingerprint
from grade.graded import Graded, Ports, grade
from grade.numbers import ways
from grade.submissions import Class, Submission
from grade.table import finish

Watch = Callable[[list[Submission]], Iterable[Submission]]


def graded_class(
    handed: Class, ports: Ports, task: int = 0, watch: Watch | None = None
) -> list[Graded]:
    """Return the rows. `ports` and `task` are those of grade(); `watch` looks on, one by one."""
    numbers = {way: n for each in handed.submissions for n in each.numbers for way in ways(n)}
    graded: list[Graded] = []
    held: list[list[Fingerprint]] = []
    for submission in watch(handed.submissions) if watch else handed.submissions:
        row, fingerprints = grade(submission, numbers, ports, task)
        graded.append(row)
        held.append(fingerprints)
    shared = iter(copies([fingerprint for some in held for fingerprint in some]))
    for row, fingerprints in zip(graded, held, strict=True):
        found = [next(shared) for _ in fingerprints]
        row.copy = max(found, key=lambda copy: len(copy.others), default=row.copy)
    finish(graded)
    return graded
