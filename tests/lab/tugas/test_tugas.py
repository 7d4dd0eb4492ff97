"""The tasks done wrong, each in its way: scripts run on a loopback of their own, and captured.

That the solutions pass is seen on the engine, by what docs/tugas says to type: test_readme.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from capture.files import packets
from command import wirezmq
from conftest import LIMIT, WITNESSES, WORKER, last_lines, run, wait_for
from grade.tasks import reasons as why
from kelas import pcap
from live import Namespace

SOLVED = Path(__file__).parent
SCRIPTS = {
    1: ("pushzmq.py", "pullzmq.py"),
    2: ("pubzmq.py", "subzmq.py"),
    3: ("serverzmq.py", "clientzmq.py"),
}
# As on the page, but quick, and where every name of the lab is the loopback.
HERE = {
    "JOBS = 12": "JOBS = 4",
    "PATIENCE = 10": "PATIENCE = 3",
    "randint(1, 3)": "randint(1, 1)",
    **{f"tcp://{name}": "tcp://127.0.0.1" for name in ("zmq-push", "zmq-pub", "zmq-rep")},
}
# The worker as killed in its second job: who waits to see that begin may be too late.
KILLED = """        if job["job"] == 2:
            time.sleep(0.5)
            os.kill(os.getpid(), 9)
        for _ in"""
Changes = Mapping[str, str]


class Running:
    """A program that a student runs."""

    def __init__(self, command: list[str], output: Path) -> None:
        self.output = output
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output.open("w"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a process group of its own, with sudo
        )

    def says(self, *texts: str) -> None:
        """Wait until it has printed all of these."""

        def said() -> bool:
            ended, printed = self.process.poll() is not None, self.output.read_text()
            assert not ended or all(text in printed for text in texts), "it has ended"
            return all(text in printed for text in texts)

        wait_for(said)

    def count(self, text: str) -> int:
        return self.output.read_text().count(text)

    def types(self, line: str) -> None:
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def signal(self, name: str) -> None:
        run("sudo", "kill", f"-{name}", "--", f"-{self.process.pid}")

    def kill(self) -> None:
        self.signal("KILL")
        self.process.wait(LIMIT)


class Student:
    """Writes the two scripts of a task, runs them, and captures what they say."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace, self.folder = namespace, folder
        self.capture = folder / "task.pcap"
        self.programs: list[Running] = []
        # -s: a packet of 64 kB is kept in one of few places, and others would find none.
        tcpdump = "tcpdump -Z root --immediate-mode -s 4096 -Uni lo -w"
        self.run(*tcpdump.split(), str(self.capture)).says("listening on")

    def run(self, *command: str) -> Running:
        output = self.folder / f"{len(self.programs)}.txt"
        self.programs.append(Running(self.namespace.command(*command), output))
        return self.programs[-1]

    def starts(self, script: str) -> Running:
        quick = "env", "ZMQ_INTERVAL=0.1", sys.executable, "-u"  # sudo would keep it from them
        return self.run(*quick, str(self.folder / script))

    def writes(self, task: int, changes: Changes) -> None:
        """Write the scripts as solved, but for these changes."""
        texts = {script: (SOLVED / script).read_text() for script in SCRIPTS[task]}
        for old, new in {**changes, **HERE}.items():
            assert old in HERE or any(old in text for text in texts.values()), old
            texts = {script: text.replace(old, new) for script, text in texts.items()}
        if task == 1:
            texts["killed.py"] = texts["pullzmq.py"].replace("        for _ in", KILLED)
        for script, text in texts.items():
            (self.folder / script).write_text(text)

    def captured(self, data: bytes) -> None:
        """Wait until this is in the capture."""
        wait_for(lambda: data in self.capture.read_bytes())

    def checks(self, task: int) -> tuple[int, str]:
        """End the capture, with all that has passed, and check it."""
        end = "import socket; socket.socket(2, 2).sendto(b'all has passed', ('127.0.0.1', 9))"
        self.namespace.python(end)
        self.captured(b"all has passed")
        self.programs[0].signal("INT")
        self.programs[0].process.wait(LIMIT)
        done = wirezmq(self.capture, "--check", "--task", str(task), "--lang", "en")
        assert done.stderr == ""
        return done.returncode, done.stdout


@pytest.fixture
def student(tmp_path: Path) -> Iterator[Student]:
    """A student on a machine without any other."""
    namespace = Namespace(f"zmq-tugas{WORKER}-{os.getpid()}")
    made = Student(namespace, tmp_path)
    WITNESSES["student"] = lambda: "\n".join(
        f"{each.output}:\n{last_lines(each.output.read_text())}" for each in made.programs
    )
    yield made
    for program in made.programs:
        program.kill()
    namespace.remove()


# --- what is done with the scripts ---------------------------------------------------------------


def killed(student: Student) -> None:
    """Task 1, as the page says: a worker is killed in the middle of a job."""
    dispatcher, first = student.starts("pushzmq.py"), student.starts("killed.py")
    first.process.wait(LIMIT)
    student.starts("pullzmq.py")
    dispatcher.says("Job 4 confirmed")


def nobody_killed(student: Student) -> None:
    dispatcher, _ = student.starts("pushzmq.py"), student.starts("pullzmq.py")
    dispatcher.says("Job 4 confirmed")


def both_killed(student: Student) -> None:
    """The dispatcher is started anew, too. It ended first, so that its FIN tells of it."""
    dispatcher, worker = student.starts("pushzmq.py"), student.starts("pullzmq.py")
    worker.says("job 2 of 1 s")
    dispatcher.kill()
    held = "ss", "-Htn", "state", "established", "sport", "=", ":9999"
    wait_for(lambda: not student.namespace.run(*held))  # sudo may end before what it runs
    worker.kill()
    nobody_killed(student)


def late(student: Student) -> None:
    """Task 2, as the page says: the subscriber comes when something has been published."""
    student.starts("pubzmq.py").says("WAKTU 3 ")
    student.starts("subzmq.py").says("Received: 'WAKTU 3 ", "Received: 'WAKTU 8 ")


def too_late(student: Student) -> None:
    """And something is published after the list, before the subscriber goes on."""
    publisher = student.starts("pubzmq.py")
    publisher.says("WAKTU 3 ")
    subscriber = student.starts("subzmq.py")
    subscriber.says("Received: 'WAKTU 3 ")
    listed = subscriber.count("Received: ")
    publisher.says(f"WAKTU {listed + 2} ")
    subscriber.types("go on")
    wait_for(lambda: subscriber.count("Received: ") > listed + 1)


def in_time(student: Student) -> None:
    """The subscriber is there before the publisher goes on to its first message."""
    publisher, subscriber = student.starts("pubzmq.py"), student.starts("subzmq.py")
    student.captured(b"SUBSCRIBE")
    publisher.types("go on")
    subscriber.says("Received: 'WAKTU 3 ")


def paused(student: Student) -> None:
    """Task 3, as the page says: the server is paused when a request comes."""
    server, client = student.starts("serverzmq.py"), student.starts("clientzmq.py")
    client.says("Reply: ")
    server.signal("STOP")
    client.types("satu")
    client.says("attempt 1 of 3")
    server.signal("CONT")
    wait_for(lambda: client.count("Reply: ") == 2)
    client.types("dua")
    wait_for(lambda: client.count("Reply: ") == 3)


def not_paused(student: Student) -> None:
    _, client = student.starts("serverzmq.py"), student.starts("clientzmq.py")
    client.types("satu")
    wait_for(lambda: client.count("Reply: ") == 2)


AS_THE_PAGE_SAYS = {1: killed, 2: late, 3: paused}


@pytest.mark.parametrize("task", AS_THE_PAGE_SAYS)
def test_a_solution_passes_and_is_one_students(task: int, student: Student) -> None:
    student.writes(task, {})
    AS_THE_PAGE_SAYS[task](student)
    code, said = student.checks(task)
    assert code == 0 and "MISSING" not in said, said
    handed_in = student.folder / "kelas"
    handed_in.mkdir()
    (handed_in / f"5025211001-task{task}.pcap").write_bytes(student.capture.read_bytes())
    assert grade(task, handed_in) == (0, [["5025211001", "complete", "-"]])
    with student.capture.open("rb") as file:  # another replays it an hour later
        later = [packet._replace(time=packet.time + 3600 * 10**9) for packet in packets(file)]
    (handed_in / f"5025211002-task{task}.pcap").write_bytes(pcap(later))
    both = [[number, "complete", "COPY"] for number in ("5025211001", "5025211002")]
    assert grade(task, handed_in) == (1, both)


def grade(task: int, folder: Path) -> tuple[int, list[list[str]]]:
    """Return the exit code, and of the table the first columns: number, verdict, copies."""
    done = wirezmq("--grade", "--task", str(task), folder)
    rows = [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("50252110")]
    return done.returncode, rows


@pytest.mark.parametrize("task", AS_THE_PAGE_SAYS)
def test_the_scripts_as_they_were_do_not_pass(task: int) -> None:
    done = wirezmq("lab.pcap", "--check", "--task", str(task), "--lang", "en")
    assert done.returncode == 1
    assert "found  " not in done.stdout


# --- what students get wrong ----------------------------------------------------------------------


class Wrong(NamedTuple):
    """A mistake: the task, what is done, what the check says, what is not as in the solution."""

    task: int
    does: Callable[[Student], None]
    says: str
    changes: Changes = MappingProxyType({})


WORKS = """        for _ in range(job["seconds"]):
            time.sleep(1)
            print(".", end="", flush=True)
        # Only now: what is confirmed is never handed out again, even if this worker dies.
"""
CONFIRMS = """        confirmations.send_json({"job": job["job"], "worker": platform.node()})
"""
CONNECTS = "socket.connect(endpoint)\n"
ASKS = """questions.send_json({"from": 1})
for text in json.loads(questions.recv()):
    print(f"Received: {text!r}")
input()
"""
REPLY = "            reply = json.loads(socket.recv())\n"
WRONG = {
    "confirms before it works": Wrong(
        1,
        killed,
        why.EARLY,
        {WORKS + CONFIRMS: CONFIRMS + WORKS},
    ),
    "hands out again what was confirmed": Wrong(
        1,
        killed,
        why.AGAIN,
        {"if unconfirmed.pop(number, None)": "if number in unconfirmed", " < 2": " < 9"},
    ),
    "gives a job up": Wrong(
        1,
        killed,
        why.NOT_AGAIN,
        {"    hand_out(job)\n        if last": "    unconfirmed.pop(job['job'])\n        if last"},
    ),
    "a list that forgets on restart": Wrong(
        1,
        both_killed,
        why.FORGOT,
    ),
    "jobs that are no JSON": Wrong(
        1,
        nobody_killed,
        why.NO_JSON,
        {"socket.send_json(job)": "socket.send(str(job).encode())", "json.loads(so": "eval(so"},
    ),
    "nobody is killed": Wrong(
        1,
        nobody_killed,
        why.NO_END,
    ),
    "a list from before the subscription": Wrong(
        2,
        too_late,
        why.BETWEEN,
        {CONNECTS: "", "last = 0": f"{ASKS}{CONNECTS}last = 999", "number > last:": "True:"},
    ),
    "a double": Wrong(
        2,
        late,
        why.DOUBLE,
        {"told[first - 1 :]": "told[first - 1 :] + told[-1:]"},
    ),
    "a list that is no JSON": Wrong(
        2,
        late,
        why.NO_JSON,
        {
            "questions.send_json(told[first - 1 :])": "questions.send(str(told).encode())",
            "texts = json.loads(": "texts = eval(",
        },
    ),
    "nobody is late": Wrong(
        2,
        in_time,
        why.FROM_FIRST,
        {"told = []": "told = []\ninput()"},
    ),
    "a counter that rises twice": Wrong(
        3,
        paused,
        why.RISEN_MORE,
        {'if request["id"] not in answered': "if True"},
    ),
    "replies that differ": Wrong(
        3,
        not_paused,
        why.DIFFER,
        {
            'if request["id"] not in answered': "if True",
            REPLY: f"{REPLY}            socket.send_json(request)\n{REPLY}",
        },
    ),
    "requests that are no JSON": Wrong(
        3,
        not_paused,
        why.NO_JSON,
        {
            "socket.send_json(request)": "socket.send(str(request).encode())",
            "request = json.loads(": "request = eval(",
        },
    ),
    "no pause": Wrong(
        3,
        not_paused,
        why.NOT_REPEATED,
    ),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_does_not_pass(mistake: str, student: Student) -> None:
    wrong = WRONG[mistake]
    student.writes(wrong.task, wrong.changes)
    wrong.does(student)
    code, said = student.checks(wrong.task)
    assert code == 1
    reason = re.sub(r"\\{\w+\\}", ".+", re.escape(wrong.says))
    assert re.search(f" MISSING +{reason}", said), said
