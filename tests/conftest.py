"""What the tests share: scripts on loopback, the lab on the real engine, tshark in a container."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPOSE = ["docker", "compose", "--ansi", "never", "-f", "compose/zmq.yml"]
PROJECT = os.environ.get("COMPOSE_PROJECT_NAME") or "praktikum"  # the name of the lab, and
BRIDGE = os.environ.get("ZMQ_BRIDGE") or "br-zmq"  # of its bridge: another beside it has its own


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in the root of the project; its output is text."""
    options = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 120} | options
    return subprocess.run(command, **options)  # type: ignore[call-overload, no-any-return]


def compose(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run docker compose on the lab and require that it succeeds, unless told check=False."""
    check = options.pop("check", True)
    done = run(*COMPOSE, *arguments, **options)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


def wait_for(what: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something holds, and fail if it does not within so many seconds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


class Script:
    """One of the six scripts, running on this machine; its output gathers in files."""

    def __init__(self, folder: Path, script: str, *arguments: str | bytes, **environment: str):
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.process = subprocess.Popen(
            [sys.executable, ROOT / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=self.out.open("w"),
            stderr=self.err.open("w"),
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            # A shell that starts the tests in the background makes its children ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    @property
    def output(self) -> str:
        return self.out.read_text(errors="surrogateescape")

    @property
    def errors(self) -> str:
        return self.err.read_text()

    def says(self, text: str, seconds: float = 10) -> None:
        """Wait until the output holds this text."""
        wait_for(lambda: text in self.output, seconds)

    def ends(self, seconds: float = 20) -> int:
        """Wait for the end and return the exit code."""
        if self.process.stdin:
            self.process.stdin.close()
        return self.process.wait(seconds)

    def interrupt(self) -> int:
        """Do what Ctrl-C does; the end has to come within a second."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(1)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Script]]:
    """Start scripts on loopback; those still running at the end of the test are killed."""
    started: list[Script] = []

    def starter(script: str, *arguments: str | bytes, **environment: str) -> Script:
        folder = tmp_path / f"script{len(started)}"
        folder.mkdir()
        started.append(Script(folder, script, *arguments, **environment))
        return started[-1]

    yield starter
    for script in started:
        script.process.kill()
        script.process.wait()


@pytest.fixture
def endpoint() -> str:
    """An endpoint on loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="session")
def lab() -> Iterator[None]:
    """The lab, built and up, with nothing left of an earlier one."""
    compose("down", "--remove-orphans", "--timeout", "5")
    compose("up", "-d", "--build", timeout=600)
    yield
    compose("down", "--remove-orphans")


Tool = Callable[[list[str], Path], str]


def in_container(image: str, folder: str, program: list[str], *options: str) -> Tool:
    """Build an image of the project and return a function that runs its program in a folder."""
    run("scripts/setup", timeout=600)
    services = json.loads(compose("config", "--format", "json").stdout)["services"]
    argument = ["--build-arg", f"BASE={services['zmq-rep']['build']['args']['BASE']}"]
    done = run("docker", "build", "-q", "-t", image, *argument, folder, timeout=900)
    assert done.returncode == 0, done.stderr

    def tool(arguments: list[str], data: Path) -> str:
        container = ["docker", "run", "--rm", "--network", "none", "-v", f"{data}:/data", *options]
        done = run(*container, "-w", "/data", image, *program, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return tool


@pytest.fixture(scope="session")
def tshark() -> Tool:
    """Run tshark 4.4 in a container of its own, in a folder that it may read."""
    return in_container("praktikum-zmq-tshark", "tests", ["tshark"])


@pytest.fixture(scope="session")
def chromium() -> Tool:
    """Run Chromium without a screen in a container of its own, which has no network."""
    program = "chromium --headless --no-sandbox --disable-gpu --no-first-run".split()
    return in_container("praktikum-zmq-screen", "img", program, "--init")
