"""Jobs over three workers, against the sum of their work over three, or the dispatcher's pace."""

import re
import statistics
import subprocess
import threading
import time
from datetime import datetime

from benchmarks.harness import LAB, ROOT, TIMES, down, row, run, up, wait_for

JOBS, WORKERS = 30, 3


def pipeline() -> None:
    """Time the jobs from the first that is handed out to the last that is done."""
    ours, ideal = zip(*(one_pipeline() for _ in range(TIMES)), strict=True)
    beside = "ideal", statistics.median(ideal)
    row(f"{JOBS} jobs, {WORKERS} workers", statistics.median(ours), "s", "<= 1.3", beside)


def one_pipeline() -> tuple[float, float]:
    """Return the seconds that the jobs took, and those that they need at least."""
    up("--scale", f"zmq-pull={WORKERS}")
    run(*LAB, "stop", "zmq-push")
    done: list[float] = []
    workers = [
        subprocess.Popen(
            [*LAB, "exec", "-T", "--index", str(index), "zmq-pull", "python", "pullzmq.py"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(1, WORKERS + 1)
    ]
    for worker in workers:
        assert worker.stdout
        worker.stdout.readline()  # "connects to"
        threading.Thread(
            target=lambda lines: done.extend(time.time() for line in lines if "done" in line),
            args=[worker.stdout],
        ).start()
    run(*LAB, "start", "zmq-push")
    time.sleep(JOBS - 2)  # one is handed out a second: to look before that would only disturb
    wait_for(lambda: len(handed_out()) >= JOBS, "the jobs to be handed out")
    run(*LAB, "stop", "zmq-push")
    jobs = handed_out()
    wait_for(lambda: len(done) >= len(jobs), "the jobs to be done")
    down()  # ends the workers too
    first, last = jobs[0][0], max(done)
    pace = jobs[-1][0] - first + jobs[-1][1]  # the last job starts at that time, and takes its own
    return last - first, max(sum(job for _, job in jobs) / WORKERS, pace)


def handed_out() -> list[tuple[float, int]]:
    """Return when each job was handed out, in seconds, and its seconds of work."""
    container = run(*LAB, "ps", "-aq", "zmq-push").strip()
    said = run("docker", "logs", "--timestamps", container)
    stamps = re.findall(r"^(\S{26})\d*Z Job of (\d) s", said, re.MULTILINE)
    return [
        (datetime.fromisoformat(f"{stamp}+00:00").timestamp(), int(job)) for stamp, job in stamps
    ]
