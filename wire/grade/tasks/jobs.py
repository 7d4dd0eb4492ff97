"""Task 1, a job that is never lost: whoever takes a job confirms it when it is done.

Jobs are {"job": 7, "seconds": 3}, from PUSH that binds to PULL that connects; confirmations
{"job": 7, "worker": "…"}, from PUSH that connects to PULL that binds. A number is one job, however
often it is handed out.
"""

from dataclasses import dataclass, field

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks.content import Refused, name, record, seconds, whole
from grade.tasks.task import MOST, Finding, Task
from story.model import Connection, Event
from story.story import Story

CROSSING = 0.1  # seconds in which a confirmation and the job handed out again pass each other
SLACK = 0.1  # seconds by which the clocks of the capture and of a worker may differ
NAMED = 3  # packets that a row names


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


class Jobs(Task):
    """Looks at jobs, confirmations, and the ends of workers."""

    pattern, patterns = "PUSH-PULL", ("PUSH-PULL",)
    asked = (
        N_("jobs in JSON, each with its number"),
        N_("confirmations in JSON"),
        N_("a worker that ended with jobs unconfirmed"),
        N_("those jobs handed out to another connection"),
        N_("every job confirmed in the end"),
        N_("jobs handed out only until confirmed"),
        N_("confirmations only after the work"),
    )
    of_all = (4, 5, 6)

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, Worker] = {}  # by the number of the connection
        self.count = 0  # jobs handed out
        self.stopped = 0  # packet with which the dispatcher last ended a connection

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind == "job":
            handed = event.sender == connection.server
            try:
                (self._hand if handed else self._confirm)(connection, event)
            except Refused as refused:
                self.wrong.setdefault(0 if handed else 1, refused.reason)
        elif event.kind in ("fin", "rst") and (worker := self.workers.get(connection.number)):
            if not worker.end:
                worker.end = event.packet
                worker.died = event.sender == connection.client or event.kind == "rst"
                self.stopped = self.stopped if worker.died else event.packet

    def _hand(self, connection: Connection, event: Event) -> None:
        found = record(event)
        number, takes = whole(event, found, "job"), seconds(event, found, "seconds")
        if self.count == MOST:
            return self.note(
                0, N_("more than {most} jobs: the others are not looked at"), most=MOST
            )
        self.count += 1
        job = self.jobs.setdefault(number, Job(takes))
        if job.seconds != takes:
            said = N_("job {job} takes {one} s in packet {first} and {other} s in packet {packet}")
            both = {"one": f"{job.seconds:g}", "other": f"{takes:g}"}
            self.note(0, said, job=number, first=job.handed[0][0], packet=event.packet, **both)
        if job.confirmed and not 0 <= event.time - job.time <= CROSSING:
            said = N_("job {job} was confirmed in packet {first} and handed out again in {packet}")
            if self.stopped > job.confirmed:
                said = N_(
                    "job {job} was confirmed in packet {first} and handed out again in {packet}: "
                    "the dispatcher had ended in {stopped}, and forgot"
                )
            where = {"first": job.confirmed, "packet": event.packet, "stopped": self.stopped}
            self.note(5, said, job=number, **where)
        address = connection.client.rpartition(":")[0]
        worker = self.workers.setdefault(connection.number, Worker(address))
        if number not in worker.had:
            worker.had[number] = event.packet
            worker.free = max(worker.free, event.time) + takes
            job.done = min(job.done, worker.free)
        job.handed.append((event.packet, connection.number))
        return None

    def _confirm(self, connection: Connection, event: Event) -> None:
        found = record(event)
        number = whole(event, found, "job")
        name(event, found, "worker")
        job = self.jobs.get(number)
        if job is None:
            said = N_("job {job} is confirmed in packet {packet}, and was not handed out before")
            return self.note(1, said, job=number, packet=event.packet)
        if not job.confirmed:
            job.confirmed, job.time = event.packet, event.time
            if event.time < job.done - SLACK:
                said = N_(
                    "job {job}, of {seconds} s and handed out in packet {first}, was confirmed in "
                    "packet {packet}, {early} s before it can be done, one job after the other"
                )
                about = {"seconds": f"{job.seconds:g}", "early": f"{job.done - event.time:.1f}"}
                where = {"first": job.handed[0][0], "packet": event.packet}
                self.note(6, said, job=number, **where, **about)
        return None

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        confirmed = sorted(job.confirmed for job in self.jobs.values() if job.confirmed)
        no_job = self.wrong.get(0) or Reason(N_("no job was handed out by PUSH that binds"))
        none = self.wrong.get(1) or Reason(N_("no confirmation came by PUSH that connects"))
        if not self.jobs:
            return [no_job._replace(absent=True)] * len(self.asked)
        handed = [job.handed[0][0] for job in self.jobs.values()]
        ends = [handed[0], max(job.handed[-1][0] for job in self.jobs.values())]
        if not confirmed:
            none = none._replace(absent=True)
            return [[handed[0]], none, *self._fault(), self._all() or none, none, none]
        every = self._all() or [confirmed[-1]]
        around = [confirmed[0], confirmed[-1]]
        return [[handed[0]], [confirmed[0]], *self._fault(), every, ends, around]

    def _lost(self) -> list[tuple[int, int]]:
        """Return the jobs that workers had unconfirmed when they ended: number, connection."""
        found = []
        for key, worker in self.workers.items():
            for number, packet in worker.had.items() if worker.died else ():
                confirmed = self.jobs[number].confirmed
                if not confirmed or confirmed > max(worker.end, packet):
                    found.append((number, key))
        return found

    def _fault(self) -> list[Finding]:
        """Tell whether a worker ended, and what became of its jobs."""
        lost, again = self._lost(), []
        if not lost:
            said = N_("no worker ended while it had jobs: end one in the middle of its work")
            return [Reason(said, absent=True)] * 2
        ends: Finding = sorted({self.workers[key].end for _, key in lost})[:NAMED]
        for number, key in lost:
            job, packet = self.jobs[number], self.workers[key].had[number]
            other = [at for at, worker in job.handed if worker != key and at > packet]
            again += other[:1]
            if not other and not job.confirmed:
                return [ends, self._unconfirmed(number)]
        if not again:
            said = N_("what the worker had that ended was confirmed after all: end it sooner")
            return [ends, Reason(said, absent=True)]
        return [ends, sorted(again)[:NAMED]]

    def _all(self) -> Reason | None:
        """Return which job was never confirmed, None if all were."""
        missing = [number for number, job in self.jobs.items() if not job.confirmed]
        if not missing:
            return None
        ended = [n for n in missing if self.workers[self.jobs[n].handed[-1][1]].end]
        return self._unconfirmed((ended or missing)[0])

    def _unconfirmed(self, number: int) -> Reason:
        packet, key = self.jobs[number].handed[-1]
        worker = self.workers[key]
        said = N_(
            "job {job} was sent to {worker} in packet {packet}, and is not confirmed by the end of "
            "the capture"
        )
        if worker.end:
            said = N_(
                "job {job} was sent to {worker} in packet {packet}, never confirmed, and not sent "
                "again"
            )
        fields = {"job": number, "worker": worker.address, "packet": packet}
        return Reason(said, fields, absent=True)
