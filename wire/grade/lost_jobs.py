"""How many jobs were lost when a worker ended, as its connection tells it.

A worker takes one job after the other, each for as many seconds as it says; so the times at
which jobs come tell when each is done. What was handed out and is not done when the worker closes
the connection is lost, the job under way too.
"""

from collections import deque

from grade import mistakes
from grade.form import whole
from grade.mistakes import Mistake
from story.model import Connection, Event
from story.story import Story

LONGEST = 60  # seconds of a job: what is not from 1 to 60 a worker refuses
SLACK = 0.3  # seconds in which a worker may be earlier or later than its jobs say


class Worker:
    """The jobs of one connection."""

    def __init__(self, late: bool) -> None:
        self.late = late  # jobs may have been handed out before the capture
        self.jobs = 0
        self.free = 0.0  # seconds of the story: when all that came is done
        self.open: deque[float] = deque()  # when each job that is not surely done will be
        self.over = False  # the connection is being closed
        self.end: float | None = None  # when, if it is the worker that closed first

    def take(self, event: Event) -> None:
        self.jobs += 1
        seconds = event.value or 0
        self.free = max(self.free, event.time) + (seconds if 0 < seconds <= LONGEST else 0)
        self.open.append(self.free)
        until = (event.time if self.end is None else self.end) - SLACK
        while self.open and self.open[0] < until:
            self.open.popleft()

    def lost(self) -> set[int]:
        """Return the counts that may be right, none if its beginning or its end is not there."""
        if self.late or self.end is None:
            return set()
        early, late = self.end - SLACK, self.end + SLACK
        least = sum(done > late for done in self.open)
        return set(range(least, sum(done > early for done in self.open) + 1))


class Workers:
    """All workers of a capture."""

    def __init__(self) -> None:
        self.workers: dict[int, Worker] = {}  # by the number of the connection

    def take(self, connection: Connection, event: Event, *_: object) -> None:
        """Take note of a job, or of the end of a connection."""
        worker = self.workers.get(connection.number)
        if event.kind == "job":
            if worker is None:
                late = connection.late and not connection.complete
                worker = self.workers[connection.number] = Worker(late)
            worker.take(event)
        elif worker and not worker.over:
            worker.over = True
            worker.end = event.time if connection.role(event.sender) == "PULL" else None

    def lost(self) -> set[int]:
        """Return the counts that may be right of some worker."""
        return set().union(*(worker.lost() for worker in self.workers.values()))

    def example(self, key: str, story: Story) -> str:
        """Return the counts that may be right, "" if the capture has none."""
        return " or ".join(map(str, sorted(self.lost())))

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with the count that was given, None if it is right of a worker."""
        count, lost = whole(given), self.lost()
        if count is None:
            return Mistake(mistakes.NO_NUMBER, key)
        if count in lost:
            return None
        if not lost:
            late = any(worker.late for worker in self.workers.values())
            return Mistake(mistakes.NO_BEGINNING if late else mistakes.NO_END)
        if any(count == worker.jobs for worker in self.workers.values()):
            return Mistake(mistakes.ALL_JOBS)
        return Mistake(mistakes.UNDER_WAY if count + 1 in lost else mistakes.OTHER_COUNT)
