"""All at once: whether each subscriber, client and worker gets what is its own."""

import json
import re
import statistics
import subprocess
import time
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from benchmarks.harness import (
    CLIENTS,
    LAB,
    ROOT,
    SERVERS,
    BenchError,
    down,
    interval,
    row,
    run,
    up,
    wait_for,
)
from benchmarks.lab import megabytes

EACH = 5  # processes in a container: what its memory has room for
SCRIPTS = {
    "zmq-sub": ["subzmq.py", ""],
    "zmq-req": ["clientzmq.py"],
    "zmq-pull": ["pullzmq.py"],
}
# Runs a script several times in a container. Says "ready" once each has printed a line. Told
# "done", it says how often that word was printed; told "end", it ends them all, and says, as JSON,
# the lines that each one printed. Clients are given a line five times a second, of their own.
CROWD = """
import json, signal, subprocess, sys, threading, time
name, count, *command = sys.argv[1:]
said = [[] for _ in range(int(count))]
ended = threading.Event()
children = [
    subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for _ in said
]
def write(number, child):
    while not ended.wait(0.2):
        print(f"{name}-{number}", file=child.stdin, flush=True)
    child.stdin.close()
def read(number, child):
    said[number].extend(iter(child.stdout.readline, ""))
def threads(does):
    made = [threading.Thread(target=does, args=each) for each in enumerate(children)]
    for thread in made: thread.start()
    return made
readers, writers = threads(read), []
while not all(said): time.sleep(0.1)
if command[0] == "clientzmq.py":
    writers = threads(write)
print("ready", flush=True)
for asked in sys.stdin:
    if asked == "end\\n": break
    print(sum(" done" in line for lines in said for line in lines), flush=True)
ended.set()
for thread in writers: thread.join()
for child in children:
    if not writers: child.send_signal(signal.SIGINT)
for thread in readers: thread.join()
print(json.dumps(said), flush=True)
"""


class Crowd:
    """Several processes of a script, in one container."""

    def __init__(self, service: str, index: int) -> None:
        self.service = service
        command = ["python", "-c", CROWD, str(index), str(EACH), *SCRIPTS[service]]
        self.process = subprocess.Popen(
            [*LAB, "exec", "-T", "--index", str(index), service, *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return what it says next."""
        assert self.process.stdout
        if not (line := self.process.stdout.readline()):
            raise BenchError(f"a container of {self.service} ended")
        return line

    def ask(self, word: str) -> str:
        """Tell it "done" or "end", and return what it says."""
        print(word, file=self.process.stdin, flush=True)
        return self.line()


class Ran(NamedTuple):
    """What came of it: what each process printed, what was published, which jobs handed out."""

    printed: dict[str, list[list[str]]]  # by service
    published: list[str]
    jobs: Counter[str]
    memory: dict[str, list[float]]  # MB of one container of each service, all along


def load(seconds: int = 600, subscribers: int = 100, clients: int = 50, workers: int = 20) -> None:
    """Run them all for so long, and look at what each printed."""
    ran = crowded(seconds, subscribers, clients, workers)
    look_at_subscribers(ran.printed["zmq-sub"], ran.published, 0.9 * seconds * workers / 2)
    look_at_clients(ran.printed["zmq-req"])
    look_at_workers(ran.printed["zmq-pull"], ran.jobs)
    for service, sizes in ran.memory.items():
        third = len(sizes) // 3
        first, last = statistics.median(sizes[:third]), statistics.median(sizes[-third:])
        row(f"memory of {service}, {seconds} s", last, "MB", "<= 1.1", ("at first", first))


def crowded(seconds: int, subscribers: int, clients: int, workers: int) -> Ran:
    """Run them all for so long at least."""
    counts = {"zmq-sub": subscribers, "zmq-req": clients, "zmq-pull": workers}
    with interval(4 / workers):  # a job takes 3 s: each worker is busy, not late
        up(*(f"--scale={service}={count // EACH}" for service, count in counts.items()))
    run(*LAB, "stop", "zmq-push")  # until all workers are there
    crowds = [
        Crowd(service, index)
        for service, count in counts.items()
        for index in range(1, count // EACH + 1)
    ]
    for crowd in crowds:
        crowd.line()  # "ready"
    since = str(time.time())
    run(*LAB, "start", "zmq-push")
    memory = watch_memory(seconds)
    run(*LAB, "stop", "zmq-push")
    handed = run(*LAB, "logs", "--no-log-prefix", "--since", since, "zmq-push")
    jobs = Counter(re.findall(r"Job of (\d) s handed out", handed))
    pulling = [crowd for crowd in crowds if crowd.service == "zmq-pull"]

    def done() -> bool:
        return sum(int(crowd.ask("done")) for crowd in pulling) >= jobs.total()

    with suppress(BenchError):  # a row says what is missing
        wait_for(done, f"{jobs.total()} jobs to be done")
    printed: dict[str, list[list[str]]] = {service: [] for service in counts}
    for crowd in crowds:
        printed[crowd.service] += json.loads(crowd.ask("end"))
    published = re.findall(r"Published: (.*)", run(*LAB, "logs", "--no-log-prefix", "zmq-pub"))
    down()
    return Ran(printed, published, jobs, memory)


def look_at_subscribers(printed: list[list[str]], published: list[str], least: float) -> None:
    """Each has all that was published from its first message to its last, and enough of it."""
    heard = [[line.strip().removeprefix("Received: ") for line in lines[1:-2]] for lines in printed]
    whole = sum(is_part(each, published) and len(each) > least for each in heard)
    row(f"{len(heard)} subscribers, all they joined for", whole, "", "= 1", ("of", len(heard)))


def is_part(messages: list[str], published: list[str]) -> bool:
    """Tell whether these are all that was published between the first of them and the last."""
    count = len(messages)
    starts = range(len(published) - count + 1)
    return count > 0 and any(published[at : at + count] == messages for at in starts)


def look_at_clients(printed: list[list[str]]) -> None:
    """Each has replies to its own requests alone, and none waits long beside the others."""
    own, trips = 0, []
    for lines in printed:
        replies = re.findall(r"^Reply: (.*) \((\S+) ms\)$", "".join(lines), re.M)
        own += len({text for text, _ in replies[1:]}) == 1
        trips.append(statistics.mean(float(ms) for _, ms in replies[1:]))
    row(f"{len(printed)} clients, each its own replies", own, "", "= 1", ("of", len(printed)))
    row("  the slowest", max(trips), "ms", "<= 3", ("median client", statistics.median(trips)))


def look_at_workers(printed: list[list[str]], jobs: Counter[str]) -> None:
    """Each job is done once, and each worker has its share."""
    done = [re.findall(r"job of (\d) s \.+ done", "".join(lines)) for lines in printed]
    total = sum(map(len, done))
    same = (sum(map(Counter, done), Counter()) & jobs).total()
    row(f"{len(done)} workers, jobs done", total, "", "= 1", ("handed out", jobs.total()))
    row("  of these the same", same, "", "= 1", ("handed out", jobs.total()))
    even = total / len(done)
    furthest = max(map(len, done), key=lambda share: abs(share - even))
    row("  the share furthest from even", furthest, "jobs", "0.7 to 1.3", ("even", even))


def watch_memory(seconds: int) -> dict[str, list[float]]:
    """Return what one container of each service takes, in MB, measured all along."""
    services = SERVERS + CLIENTS
    names = {service: run(*LAB, "ps", "-q", service).split()[0] for service in services}
    sizes: dict[str, list[float]] = {service: [] for service in names}
    stats = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *names.values()]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for service, line in zip(names, run(*stats).splitlines(), strict=True):
            sizes[service].append(megabytes(line.split()[0]))
    return sizes
