"""Task 1, a job that is never lost: whoever takes a job confirms it when it is done.

Jobs are {"job": 7, "seconds": 3}, from PUSH that binds to PULL that connects; confirmations
{"job": 7, "worker": "…"}, from PUSH that connects to PULL that binds. A number is one job, however
often it is handed out.
"""

from grade.mistakes import N_
from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import Refused, name, record, seconds, whole
from grade.tasks.ledger import Job, Ledger
from grade.tasks.task import MOST, Finding, Task
from story.model import Connection, Event
from story.story import Story

CROSSING = 0.1  # seconds in which a confirmation and the job handed out again pass each other
SLACK = 0.5  # seconds; so far a clock may be set back without being noticed (story.STEP)
JOBS, CONFIRMATIONS, END, ELSEWHERE, ALL, UNTIL, AFTER = range(7)


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
    of_all, of_times = (ALL, UNTIL, AFTER), (AFTER,)

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.count = 0  # jobs handed out

    def about(self, connection: Connection, event: Event) -> int:
        """Return which of `asked` is about such a message."""
        return JOBS if event.sender == connection.server else CONFIRMATIONS

    def take(self, connection: Connection, event: Event) -> None:
        """Take note of one event."""
        if event.kind in ("fin", "rst"):
            self.ledger.end(connection, event)
        elif event.kind == "job":
            handed = self.about(connection, event) == JOBS
            (self._hand if handed else self._confirm)(connection, event)

    def _hand(self, connection: Connection, event: Event) -> None:
        if self.count == MOST:
            raise Refused(event, why.MORE, most=MOST)
        found, packet, jobs = record(event), event.packet, self.ledger.jobs
        number, takes = whole(event, found, "job"), seconds(event, found, "seconds")
        self.count += 1
        job = jobs.setdefault(number, Job(takes))
        about: dict[str, object] = {"job": number, "packet": packet}
        if job.seconds != takes:
            both = {"one": f"{job.seconds:g}", "other": f"{takes:g}", "first": job.handed[0][0]}
            self.note(JOBS, why.TWO_JOBS, about | both)
        if job.confirmed and not 0 <= event.time - job.time <= CROSSING:
            stopped = self.ledger.stopped
            said = why.FORGOT if stopped > job.confirmed else why.AGAIN
            self.note(UNTIL, said, about | {"first": job.confirmed, "stopped": stopped})
        self.ledger.hand(connection, event, number)

    def _confirm(self, connection: Connection, event: Event) -> None:
        found = record(event)
        number, _worker = whole(event, found, "job"), name(event, found, "worker")
        job, about = self.ledger.jobs.get(number), {"job": number, "packet": event.packet}
        if job is None and self.count < MOST:
            unread = self.wrong.get(JOBS)  # it may have been in there
            self.wrong.setdefault(CONFIRMATIONS, unread or Reason(why.NOT_HANDED, about, True))
        elif job and not job.confirmed:
            job.confirmed, job.time = event.packet, event.time
            if (early := job.done - event.time) > SLACK:
                said = {"seconds": f"{job.seconds:g}", "early": f"{early:.1f}"}
                self.note(AFTER, why.EARLY, about | said | {"first": job.handed[0][0]})

    def found(self, story: Story) -> list[Finding]:
        """Return what there is of each that is asked for."""
        jobs, ledger = self.ledger.jobs.values(), self.ledger
        if not jobs:
            return [self.wrong.get(JOBS) or Reason(why.NO_JOB, absent=True)] * len(self.asked)
        handed = [packet for job in jobs for packet, _ in job.handed]
        confirmed = sorted(job.confirmed for job in jobs if job.confirmed)
        ends, around = [min(handed), max(handed)], [*confirmed[:1], *confirmed[-1:]]
        every: Finding = ledger.missing() or around[-1:]
        if not confirmed:
            none = self.wrong.get(CONFIRMATIONS) or Reason(why.NO_CONFIRMATION, absent=True)
            return [ends[:1], none, *ledger.fault(), every, none, none]
        return [ends[:1], around[:1], *ledger.fault(), every, ends, around]
