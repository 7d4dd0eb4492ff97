"""Who has which job: what was handed out, what confirmed, what a worker had when it ended."""

from bisect import bisect
from dataclasses import dataclass, field

from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.task import NAMED, Finding
from story.model import Connection, Event


@dataclass(slots=True)
class Worker:
    """One connection to which jobs are handed out."""

    address: str
    had: dict[int, int] = field(default_factory=dict)  # job -> packet in which it came first
    free: float = 0.0  # seconds of the story: when all that came can be done, one by one
    end: int = 0  # packet with which it ended, 0 if it did not
    died: bool = False  # it was not the dispatcher that ended it


@dataclass(slots=True)
class Job:
    """All that became of one number."""

    seconds: float
    done: float = float("inf")  # seconds of the story: when it can be done at the earliest
    handed: list[tuple[int, int]] = field(default_factory=list)  # packet, number of connection
    confirmed: int = 0  # packet, 0 if it is not
    time: float = 0.0  # seconds of the story, of that packet


class Ledger:
    """The jobs of a capture, and its workers."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, Worker] = {}  # by the number of the connection
        self.stopped = 0  # packet with which the dispatcher last ended a connection

    def hand(self, connection: Connection, event: Event, number: int) -> None:
        """Take note that a job is handed out. At the same worker it takes its time once."""
        job = self.jobs[number]
        address = connection.client.rpartition(":")[0]
        worker = self.workers.setdefault(connection.number, Worker(address))
        if number not in worker.had:
            worker.had[number] = event.packet
            worker.free = max(worker.free, event.time) + job.seconds
            job.done = min(job.done, worker.free)
        job.handed.append((event.packet, connection.number))

    def end(self, connection: Connection, event: Event) -> None:
        """Take note of a FIN or RST."""
        worker = self.workers.get(connection.number)
        if worker and not worker.end:
            worker.end = event.packet
            worker.died = event.sender == connection.client or event.kind == "rst"
            self.stopped = self.stopped if worker.died else event.packet

    def fault(self) -> list[Finding]:
        """Tell which workers ended while they had jobs, and where those went."""
        lost = [
            (number, key, packet)
            for key, worker in self.workers.items()
            for number, packet in worker.had.items()
            if worker.died and not 0 < self.jobs[number].confirmed < max(worker.end, packet)
        ]
        if not lost:
            return [Reason(why.NO_END, absent=True)] * 2
        ends: Finding = sorted({self.workers[key].end for _, key, _ in lost})[:NAMED]
        again = []
        for number, key, since in lost:
            job = self.jobs[number]
            rest = range(bisect(job.handed, (since, key)), len(job.handed))
            later = next((at for at in rest if job.handed[at][1] != key), None)
            if later is not None:
                again.append(job.handed[later][0])
            elif not job.confirmed:
                return [ends, self._unconfirmed(number)]
        return [ends, sorted(again)[:NAMED] or Reason(why.TOO_LATE, absent=True)]

    def missing(self) -> Reason | None:
        """Tell of a job that was never confirmed, rather one that no worker has any more."""
        missing = [number for number, job in self.jobs.items() if not job.confirmed]
        ended = [n for n in missing if self.workers[self.jobs[n].handed[-1][1]].end]
        return self._unconfirmed((ended or missing)[0]) if missing else None

    def _unconfirmed(self, number: int) -> Reason:
        packet, key = self.jobs[number].handed[-1]
        worker = self.workers[key]
        fields = {"job": number, "worker": worker.address, "packet": packet}
        return Reason(why.NOT_AGAIN if worker.end else why.NOT_YET, fields, absent=True)
