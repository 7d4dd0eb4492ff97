"""The programming tasks (docs/tugas.md): what each asks a capture to show, a module for each."""

from grade.tasks.jobs import Jobs
from grade.tasks.once import Once
from grade.tasks.snapshot import Snapshot
from grade.tasks.task import Task

TASKS: dict[int, type[Task]] = {1: Jobs, 2: Snapshot, 3: Once}
