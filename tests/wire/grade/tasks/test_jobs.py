"""Task 1, a job that is never lost: each rule with a capture that breaks it and no other."""

import pytest

from grade.tasks.jobs import Jobs
from tasks import Scene, host, missing, rows
from wire_packets import ACK, RST, Talk

JOBS, CONFIRMED, ENDED, ELSEWHERE, ALL, UNTIL, AFTER = Jobs.asked
Job = dict[str, object]


def job(number: int, seconds: float = 2) -> Job:
    return {"job": number, "seconds": seconds}


class Lab(Scene):
    """A dispatcher and its workers, each with a connection for jobs and one for confirmations."""

    def __init__(self, workers: int = 2) -> None:
        super().__init__()
        self.workers = [self.worker(at) for at in range(workers)]

    def worker(self, at: int, port: int = 40000) -> tuple[Talk, Talk]:
        here = 5 + at
        jobs = self.join(host(here, port), host(3, 9999), (b"PULL", b"PUSH"))
        return jobs, self.join(host(here, port + 1), host(3, 9998), (b"PUSH", b"PULL"))

    def hand(self, worker: int, what: Job | bytes, at: float = 0.0) -> int:
        return self.say(self.workers[worker][0], 1, what, at)

    def confirm(self, worker: int, what: int | bytes, at: float = 0.0) -> int:
        said = {"job": what, "worker": f"w{worker}"} if isinstance(what, int) else what
        return self.say(self.workers[worker][1], 0, said, at)

    def kill(self, worker: int, at: float = 0.0) -> int:
        jobs, confirmations = self.workers[worker]
        packet = self.end(jobs, 0, at)
        self.end(confirmations, 0)
        return packet


def good() -> Lab:
    """Worker 0 confirms job 1, and is killed with 3 and 4, which go to worker 1."""
    lab = Lab()
    lab.hand(0, job(1), 1)
    lab.hand(1, job(2), 2)
    lab.confirm(0, 1, 3.1)
    lab.hand(0, job(3), 3.5)
    lab.confirm(1, 2, 4.1)
    lab.hand(0, job(4), 4.5)
    lab.kill(0, 5)
    lab.hand(1, job(3), 14)
    lab.hand(1, job(4), 15)
    lab.confirm(1, 3, 16.1)
    lab.confirm(1, 4, 18.2)
    return lab


def test_what_is_asked_for_is_found_with_its_packets() -> None:
    found = rows(good(), 1)
    assert missing(found) == {}
    assert [(row.asked, row.packets) for row in found] == [
        (JOBS, "29"),
        (CONFIRMED, "31"),
        (ENDED, "35"),
        (ELSEWHERE, "37, 38"),
        (ALL, "40"),
        (UNTIL, "29, 38"),
        (AFTER, "31, 40"),
    ]
    assert {row.pattern for row in found} == {"PUSH-PULL"}


def test_a_capture_in_which_nothing_failed_does_not_pass() -> None:
    lab = Lab(1)
    lab.hand(0, job(1), 1)
    lab.confirm(0, 1, 3.1)
    lab.kill(0, 4)  # with nothing to do
    said = "no worker ended while it had jobs: end one in the middle of its work"
    assert missing(rows(lab, 1)) == {ENDED: said, ELSEWHERE: said}


def test_a_dispatcher_that_ends_is_no_worker_that_died() -> None:
    lab = Lab(1)
    lab.hand(0, job(1), 1)
    lab.end(lab.workers[0][0], 1, 2)
    lab.workers[0] = lab.worker(0, 41000)
    lab.hand(0, job(1), 3)
    lab.confirm(0, 1, 5.1)
    assert set(missing(rows(lab, 1))) == {ENDED, ELSEWHERE}


def test_a_worker_that_is_given_up_has_died_too() -> None:
    lab = Lab()
    lab.hand(0, job(1), 1)
    lab.end(lab.workers[0][0], 1, 9, RST | ACK)  # it did not answer the dispatcher's kernel
    lab.hand(1, job(1), 10)
    lab.confirm(1, 1, 12.1)
    assert missing(rows(lab, 1)) == {}


def test_a_job_that_is_never_confirmed_and_not_sent_again() -> None:
    lab = Lab()
    lab.hand(0, job(1), 1)
    packet = lab.hand(0, job(7), 1.5)
    lab.hand(1, job(2), 2)
    lab.confirm(1, 2, 4.1)
    lab.kill(0, 5)
    lab.hand(1, job(1), 14)
    lab.confirm(1, 1, 16.1)
    said = f"job 7 was sent to 172.18.0.5 in packet {packet}, never confirmed, and not sent again"
    assert missing(rows(lab, 1)) == {ELSEWHERE: said, ALL: said}


def test_a_job_that_a_worker_still_has_at_the_end() -> None:
    lab = good()
    packet = lab.hand(1, job(5), 20)
    said = (
        f"job 5 was sent to 172.18.0.6 in packet {packet}, and is not confirmed by the end of the "
        "capture"
    )
    assert missing(rows(lab, 1)) == {ALL: said}


def test_a_job_that_was_confirmed_is_not_handed_out_again() -> None:
    lab = good()
    packet = lab.hand(1, job(2), 20)
    said = f"job 2 was confirmed in packet 33 and handed out again in packet {packet}"
    assert missing(rows(lab, 1)) == {UNTIL: said}


def test_a_confirmation_counts_only_from_its_packet_on() -> None:
    lab = good()
    lab.hand(1, job(5, 1), 20)
    lab.hand(1, job(5, 1), 31)  # after a time without a confirmation
    lab.confirm(1, 5, 31.001)
    lab.confirm(1, 5, 32.1)
    lab.hand(1, job(6, 1), 40)
    lab.confirm(1, 6, 51)
    lab.hand(1, job(6, 1), 51.05)  # crosses its confirmation
    assert missing(rows(lab, 1)) == {}


def test_a_dispatcher_that_forgets_on_restart() -> None:
    lab = good()
    ended = lab.end(lab.workers[1][0], 1, 20)
    lab.workers[1] = lab.worker(1, 41000)
    packet = lab.hand(1, job(1), 21)
    lab.confirm(1, 1, 23.1)
    said = (
        f"job 1 was confirmed in packet 31 and handed out again in packet {packet}: the dispatcher "
        f"had ended in packet {ended}, and forgot"
    )
    assert missing(rows(lab, 1)) == {UNTIL: said}


def test_two_jobs_with_one_number() -> None:
    lab = good()
    lab.hand(1, job(5, 2), 20)
    packet = lab.hand(1, job(5, 3), 21)
    lab.confirm(1, 5, 26)
    said = f"job 5 takes 2 s in packet {packet - 1} and 3 s in packet {packet}"
    said += ": did the dispatcher begin anew?"
    assert missing(rows(lab, 1)) == {JOBS: said}


def test_a_confirmation_before_the_work() -> None:
    lab = good()
    first = lab.hand(1, job(5, 3), 20)
    packet = lab.confirm(1, 5, 20.1)
    said = (
        f"job 5 takes 3 s, was handed out in packet {first} and confirmed in packet {packet}, 2.9 "
        "s before it can have been done, one job after the other"
    )
    assert missing(rows(lab, 1)) == {AFTER: said}


@pytest.mark.parametrize(("at", "right"), [(24.1, False), (25.1, True)])
def test_a_job_that_waits_at_its_worker_takes_the_time_of_those_before_it(
    at: float, right: bool
) -> None:
    lab = good()
    lab.hand(1, job(5, 3), 20)
    lab.hand(1, job(6, 2), 21)
    lab.confirm(1, 5, 23.1)
    lab.confirm(1, 6, at)
    assert set(missing(rows(lab, 1))) == (set() if right else {AFTER})


def test_a_job_that_was_handed_out_twice_may_be_done_by_either() -> None:
    lab = good()
    lab.workers[0] = lab.worker(0, 41000)
    lab.hand(0, job(5, 3), 20)
    lab.hand(1, job(5, 3), 30)
    lab.confirm(0, 5, 30.5)  # late, but it has worked on it since 20
    lab.confirm(1, 5, 33.1)
    lab.hand(0, job(6, 1), 40)
    lab.hand(0, job(6, 1), 40.1)  # the same again at the same: it may know that it is done
    lab.hand(0, job(7, 1), 40.2)
    lab.confirm(0, 6, 41.1)
    lab.confirm(0, 7, 42.1)
    assert missing(rows(lab, 1)) == {}


def test_jobs_that_are_lost_twice_are_followed_to_the_end() -> None:
    lab = Lab(3)
    lab.hand(0, job(1), 1)
    lab.kill(0, 2)
    packet = lab.hand(1, job(1), 10)
    lab.kill(1, 11)
    said = f"job 1 was sent to 172.18.0.6 in packet {packet}, never confirmed, and not sent again"
    assert missing(rows(lab, 1))[ELSEWHERE] == said
    lab.hand(2, job(1), 20)
    lab.confirm(2, 1, 22.1)
    assert missing(rows(lab, 1)) == {}


def test_what_was_confirmed_after_all_is_no_lost_job() -> None:
    lab = Lab()
    lab.hand(0, job(1), 1)
    lab.end(lab.workers[0][0], 0, 3.1)
    lab.confirm(0, 1, 3.2)
    assert missing(rows(lab, 1)) == {
        ELSEWHERE: "what the worker that ended had was confirmed after all: end it sooner"
    }


def test_a_job_may_go_elsewhere_before_its_worker_ends_and_from_a_port_used_before() -> None:
    lab = Lab()
    lab.hand(0, job(1), 1)
    lab.hand(1, job(1), 12)
    lab.kill(0, 13)
    lab.confirm(1, 1, 14.1)
    lab.hand(1, job(2), 15)
    lab.kill(1, 16)
    lab.workers[1] = lab.worker(1)  # the same address and port again
    lab.hand(1, job(2), 26)
    lab.confirm(1, 2, 28.1)
    assert missing(rows(lab, 1)) == {}


def test_a_confirmation_of_what_was_not_handed_out() -> None:
    lab = good()
    packet = lab.confirm(1, 99, 20)
    said = f"job 99 is confirmed in packet {packet}, and was not handed out before"
    assert missing(rows(lab, 1)) == {CONFIRMED: said}


def test_without_confirmations_or_jobs_nothing_is_found() -> None:
    lab = Lab(1)
    found = missing(rows(lab, 1))
    assert len(found) == 7 and set(found.values()) == {
        "no job was handed out on port 9999, by PUSH that binds to PULL that connects"
    }
    lab.hand(0, job(1), 1)
    found = missing(rows(lab, 1))
    assert set(found) == {CONFIRMED, ENDED, ELSEWHERE, ALL, UNTIL, AFTER}
    assert found[UNTIL].startswith("no confirmation came to port 9998, by PUSH that connects")


def test_a_bad_message_is_named() -> None:
    lab = good()
    packet = lab.hand(1, b"kerja", 20)
    lab.confirm(1, b'{"job": 4}')
    lab.confirm(1, 5)
    assert missing(rows(lab, 1)) == {
        JOBS: f'packet {packet} has no JSON: "kerja"',
        CONFIRMED: f'packet {packet + 1}: "worker" is no text of 1 to 200 characters',
    }
    lab = good()
    packet = lab.hand(1, b"{'job': 5, 'seconds': 1}", 20)
    lab.confirm(1, 5, 22)
    said = f"packet {packet} has no JSON: \"{{'job': 5, 'seconds': 1}}\""
    assert missing(rows(lab, 1)) == {JOBS: said, CONFIRMED: said}


def test_the_clock_that_goes_back_takes_back_what_was_said_of_times() -> None:
    lab = good()
    lab.times = [at - 3 * (at > 4) for at in lab.times]
    found = missing(rows(lab, 1))
    assert found == {AFTER: "cannot be told: the clock goes back at packet 33"}


def test_more_jobs_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grade.tasks.jobs.MOST", 6)
    assert missing(rows(good(), 1)) == {}
    lab = good()
    lab.hand(1, job(5), 20)
    lab.confirm(1, 5, 22.1)
    assert missing(rows(lab, 1)) == {JOBS: "there are more than 6: the others are not looked at"}
