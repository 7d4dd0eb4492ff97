"""zmq-wire live, as its terminal shows it."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import zmq

from conftest import LIMIT, ROOT, run, wait_for

WIRE = ROOT / "wire/wirezmq.py"


class Namespace:
    """A network namespace with a loopback that is up."""

    def __init__(self, name: str) -> None:
        self.name = name
        run(*f"sudo ip netns add {name}".split())
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *words: str | Path) -> list[str]:
        """Return the command that runs another one there."""
        return ["sudo", "ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words: str | Path) -> str:
        """Run a command there and require that it succeeds; return its output."""
        done = run(*self.command(*words), timeout=LIMIT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, script: str, *arguments: str) -> str:
        return self.run(sys.executable, "-c", script, *arguments)

    def remove(self) -> None:
        run(*f"sudo ip netns delete {self.name}".split())


class Live:
    """wirezmq on an interface of this machine or of a namespace."""

    def __init__(
        self,
        *arguments: str | Path,
        interface: str = "lo",
        namespace: Namespace | None = None,
        reads: bool = True,
    ) -> None:
        command = [sys.executable, str(WIRE), "--live", interface, *map(str, arguments)]
        self.process = subprocess.Popen(  # a capture needs root
            namespace.command(*command) if namespace else ["sudo", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_signals,
            start_new_session=True,  # from its own process group sudo passes no signal on
        )
        self.said: list[str] = []  # on stderr, but for the first line
        self.told: list[str] = []  # on stdout, once it has ended
        assert self.line() == f"live from {interface}, Ctrl-C ends it\n"
        self.lines: queue.Queue[str] = queue.Queue()
        both = (self._read, self._hear) if reads else (self._hear,)
        self.threads = [threading.Thread(target=each) for each in both]
        for thread in self.threads:
            thread.start()

    def line(self) -> str:
        """Return the next line on stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line)
            self.lines.put(line)

    def _hear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)

    def wait_for(self, text: str) -> str:
        while text not in (line := self.lines.get(timeout=LIMIT)):
            pass
        return line

    def hears(self, text: str) -> None:
        """Wait until this is said."""
        wait_for(lambda: text in "".join(self.said))

    def catch_up(self) -> None:
        """Wait until all that has passed is told: of what passes now, a last message."""
        with zmq.Context() as context, context.socket(zmq.REP) as rep:
            with context.socket(zmq.REQ) as req:
                rep.linger = req.linger = 0
                req.connect(f"tcp://127.0.0.1:{rep.bind_to_random_port('tcp://127.0.0.1')}")
                req.send(b"all has passed")
                self.wait_for('request "all has passed"')

    def interrupt(self, code: int = 0) -> str:
        """Do what Ctrl-C does; return what is said then."""
        self.process.send_signal(signal.SIGINT)
        return self.ended(code)

    def ended(self, code: int = 0) -> str:
        """Wait for the end; return what was said."""
        said = self.process.wait(LIMIT)
        for thread in self.threads:
            thread.join()
        assert said == code, self.said
        return "".join(self.said)

    def processes(self) -> tuple[int, int]:
        """Return the numbers of the process that tells, and of the one that captures."""
        pid = self.process.pid
        while not Path(f"/proc/{pid}/comm").read_text().startswith("python"):  # sudo
            pid = _children(pid)[0]
        return pid, _children(pid)[0]

    def stop(self) -> None:
        """Stop the process that tells, and not the one that captures."""
        kill(signal.SIGSTOP, self.processes()[0])

    def go_on(self) -> None:
        """Let it go on, and sudo, which stops with what it runs."""
        for pid in [*_children(self.process.pid), self.process.pid]:
            kill(signal.SIGCONT, pid)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _hear_signals() -> None:
    """Ignore none of those that a test sends, as what is started in the background or by nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def kill(number: int, pid: int) -> None:
    """Send a signal to a process of root."""
    run("sudo", "kill", f"-{number}", str(pid))


def owner(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid
