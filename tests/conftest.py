"""What the tests share: scripts on loopback, a lab on the real engine, tshark in a container.

The workers of pytest-xdist each have a lab of their own, `praktikum-test3` on the bridge
`br-zmq-t3`; a run in one process has `praktikum-test` on `br-zmq-t`. `docker compose -f
compose/zmq.yml …`, as it stands, is that lab: the environment names it.
"""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent
COMPOSE = ["docker", "compose", "--ansi", "never", "-f", "compose/zmq.yml"]

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if not WORKER:  # what starts the workers, if there are any: they inherit these names
    LAB = os.environ.get("COMPOSE_PROJECT_NAME") or "praktikum"
    os.environ["COMPOSE_PROJECT_NAME"] = f"{LAB}-test"
    os.environ["ZMQ_BRIDGE"] = f"{os.environ.get('ZMQ_BRIDGE') or 'br-zmq'}-t"
    # Of root, and where it is no tmpfs; a test runs scripts/test, whose data are others.
    os.environ["LOADED"] = f"/var/tmp/{LAB}-test-{os.getpid()}"
PROJECT = os.environ["COMPOSE_PROJECT_NAME"] = os.environ["COMPOSE_PROJECT_NAME"] + WORKER
BRIDGE = os.environ["ZMQ_BRIDGE"] = os.environ["ZMQ_BRIDGE"] + WORKER
LOADED = Path(os.environ["LOADED"])  # the data of an engine that has the lab's image

# A shell that starts the tests in the background makes its children ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Hypothesis has clocks of its own, which are for those who look for a slow example.
settings.register_profile("tests", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("tests")

# Seconds that any wait may take. It tells a hang from a slow machine, and nothing else: what is to
# be soon is measured by scripts/dev/bench.
LIMIT = 180

# How a test tells scripts/dev/bench a figure (record_property): it asserts nothing about it.
Record = Callable[[str, object], None]

# Python that says when a name is found not to be there.
LOOK_FOR = """
import socket
try:
    socket.gethostbyname("{}")
except socket.gaierror:
    print("not there")
"""


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in the root of the project; its output is text."""
    options = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": LIMIT} | options
    return subprocess.run(command, **options)  # type: ignore[call-overload, no-any-return]


def compose(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run docker compose on the lab and require that it succeeds, unless told check=False."""
    check = options.pop("check", True)
    done = run(*COMPOSE, *arguments, **options)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something holds; where it takes a while, look less and less often."""
    end, pause = time.monotonic() + LIMIT, 0.02
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def pause(container: str) -> None:
    """Pause it; an engine that does not catch its processes between two system calls refuses."""
    wait_for(lambda: not run("docker", "pause", container).returncode)


PORTS = {"zmq-rep": 5555, "zmq-pub": 12345, "zmq-push": 9999}


def up(*options: str) -> None:
    """Bring the lab up, and wait until its servers listen: a client would give up before."""
    compose("up", "-d", *options)
    for server, port in PORTS.items():
        wait_for(lambda server=server, port=port: listens(f"{PROJECT}-{server}-1", port))  # type: ignore[misc]


def listens(container: str, port: int) -> bool:
    """Tell whether something in a container listens on a port."""
    pid = run("docker", "inspect", "-f", "{{.State.Pid}}", container).stdout.strip()
    table = run("sudo", "cat", f"/proc/{pid}/net/tcp").stdout
    return f":{port:04X} 00000000:0000 0A " in table


def asleep(process: int) -> bool:
    """Tell whether a process waits: for a message, a line, or the end of a pause."""
    status = Path(f"/proc/{process}/status")
    before = status.read_text()
    assert "State:\tZ" not in before, "it has ended"
    time.sleep(0.02)
    return "State:\tS" in before and before == status.read_text()


def press_ctrl_c(terminal: Any, *processes: int) -> None:
    """Press it once the processes on a terminal wait, as no person is faster.

    A signal in the very moment before a script waits for a line or a message is noticed with the
    next one; for that of a prompt there is none.
    """
    for process in processes:
        wait_for(lambda process=process: asleep(process))  # type: ignore[misc]
    terminal.sendintr()


# --- how the tests are shared out ---------------------------------------------------------------

WORKERS = 6  # mostly they wait: for jobs that take seconds, for time limits, for the engine
# What takes longest begins first, so that no worker is left with it at the end.
LONGEST = (
    "readme server playback page_lab broadcast html swarm load oracle pack edges lan live_page lab"
    " faults"
).split()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share out the whole suite; what is named on the command line runs in one process."""
    return WORKERS if config.args_source == pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_collection_finish(session: pytest.Session) -> None:
    """Not every pytest lets pytest-xdist know the groups; then nothing would stay together."""
    for item in session.items:
        assert not WORKER or ("@" in item.nodeid) >= bool(item.get_closest_marker("xdist_group"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What passed has left nothing on the engine, and no network of its own."""
    if not WORKER and LOADED.exists():
        run("sudo", "rm", "-rf", str(LOADED))
    if WORKER or session.exitstatus or not session.testscollected or not shutil.which("docker"):
        return
    workers = "[0-9]+" if session.config.getoption("numprocesses", None) else ""
    ours = f"^{PROJECT}{workers}[-_]"
    left = run("docker", "ps", "-a", "--filter", f"name={ours}", "--format", "{{.Names}}").stdout
    named = ["docker", "network", "ls", "--filter", f"name={ours}", "--format", "{{.Name}}"]
    left += run(*named).stdout
    spaces = [each.name for each in Path("/run/netns").glob("*") if re.match(ours, each.name)]
    left += "\n".join(spaces)
    if left:
        print(f"\nleft behind: {' '.join(left.split())}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, and before it what has to stay together on one worker."""

    def place(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.stem.removeprefix("test_")
        together = item.get_closest_marker("xdist_group") is not None
        return not together, LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


@contextmanager
def locked(what: str, factory: pytest.TempPathFactory, how: int = fcntl.LOCK_EX) -> Iterator[Path]:
    """Hold a lock that the workers of this run share, and give the folder that they share."""
    shared = factory.getbasetemp().parent if WORKER else factory.getbasetemp()
    with (shared / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield shared


def once(what: str, do: Callable[[], None], factory: pytest.TempPathFactory) -> None:
    """Do something once in a run: the worker that comes first does it, the others wait."""
    with locked(what, factory) as shared:
        if not (shared / f"{what}.done").exists():
            do()
            (shared / f"{what}.done").touch()


@contextmanager
def loopback(factory: pytest.TempPathFactory, how: int) -> Iterator[None]:
    """Share the loopback, or have it alone; whoever waits to have it alone is next."""
    with ExitStack() as stack:
        with locked("next", factory):
            stack.enter_context(locked("loopback", factory, how))
        yield


@pytest.fixture
def loopback_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """While a test listens to all of the loopback, no scripts talk there in other tests."""
    with loopback(tmp_path_factory, fcntl.LOCK_EX):
        yield


# --- what is seen when a test fails --------------------------------------------------------------

# What each fixture has to tell of a test that failed with it.
WITNESSES: dict[str, Callable[[], str]] = {}
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the witnesses saw beside the message of a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        item.stash[FAILED] = True
        for name in item.fixturenames:
            if name in WITNESSES:
                report.sections.append((f"seen by {name}", WITNESSES[name]()))
    return report


def last_lines(text: str, count: int = 40) -> str:
    return "\n".join(line[:500] for line in text.splitlines()[-count:])


# --- scripts on loopback -------------------------------------------------------------------------


class Script:
    """One of the six scripts, running on this machine; its output gathers in files."""

    def __init__(self, folder: Path, script: str, *arguments: str | bytes, **environment: str):
        self.command = [script, *arguments]
        self.out, self.err = folder / "stdout", folder / "stderr"
        self.process = subprocess.Popen(
            [sys.executable, ROOT / script, *arguments],
            stdin=subprocess.PIPE,
            stdout=self.out.open("w"),
            stderr=self.err.open("w"),
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
        )

    @property
    def output(self) -> str:
        return self.out.read_text(errors="surrogateescape")

    @property
    def errors(self) -> str:
        return self.err.read_text()

    def says(self, text: str) -> None:
        """Wait until the output holds this text."""

        def said() -> bool:
            ended = self.process.poll() is not None
            assert text in self.output or not ended, "it has ended"
            return text in self.output

        wait_for(said)

    def ends(self) -> int:
        """End its input, wait for the end and return the exit code."""
        if self.process.stdin:
            self.process.stdin.close()
        return self.process.wait(LIMIT)

    def interrupt(self) -> int:
        """Do what Ctrl-C does once it waits; return the exit code."""
        wait_for(lambda: asleep(self.process.pid))
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(LIMIT)


@pytest.fixture
def start(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Script]]:
    """Start scripts on loopback; those still running at the end of the test are killed."""
    started: list[Script] = []

    def starter(script: str, *arguments: str | bytes, **environment: str) -> Script:
        folder = tmp_path / f"script{len(started)}"
        folder.mkdir()
        started.append(Script(folder, script, *arguments, **environment))
        return started[-1]

    WITNESSES["start"] = lambda: "\n".join(
        f"{script.command}:\n{last_lines(script.output)}\n{last_lines(script.errors)}"
        for script in started
    )
    with loopback(tmp_path_factory, fcntl.LOCK_SH):
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


# --- the lab -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The image that others are built on, looked after once in a run."""

    def setup() -> None:
        done = run("scripts/setup", timeout=None)
        assert done.returncode == 0, done.stderr

    once("base", setup, tmp_path_factory)


@pytest.fixture(scope="session")
def image(base: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The lab's image, built once in a run."""

    # Compose writes the lab's name into an image: under its usual name it is the user's own.
    build = [*COMPOSE, "-p", "praktikum", "build"]
    once("image", lambda: built("praktikum-zmq", *build), tmp_path_factory)
    return "praktikum-zmq"


def built(image: str, *command: str) -> None:
    """Build an image; what had its name before is not left behind."""
    before = run("docker", "image", "ls", "-q", "--no-trunc", image).stdout.strip()
    done = run(*command, timeout=None)
    assert done.returncode == 0, done.stderr
    if before and before != run("docker", "image", "ls", "-q", "--no-trunc", image).stdout.strip():
        run("docker", "image", "rm", before)  # a container that still has it, keeps it


@pytest.fixture(scope="session")
def loaded(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an engine that has the lab's image, for other engines to begin with."""
    from dockerd import load  # which needs what is here

    once("loaded", lambda: load(image, f"{PROJECT}-first", LOADED), tmp_path_factory)
    return LOADED


@pytest.fixture(scope="session")
def lab(image: str) -> Iterator[None]:
    """The lab of this worker, with nothing left of an earlier one."""
    ready = run("scripts/ready")
    assert ready.returncode == 0, ready.stderr
    compose("down", "--remove-orphans", "--timeout", "5")
    up()
    WITNESSES["lab"] = lambda: compose("logs", "--tail", "10", "--timestamps", check=False).stdout
    yield
    compose("down", "--remove-orphans")


@pytest.fixture(autouse=True)
def captured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Of each test on the lab the packets are captured, and kept if it fails.

    The next test then has the lab anew.
    """
    if "lab" not in request.fixturenames:
        yield
        return
    name = re.sub(r"\W+", "-", request.node.name)
    file = tmp_path_factory.getbasetemp() / f"{name}.pcap"
    # As many as a person may want to look through; the attacks of test_hostile make millions.
    tcpdump = f"tcpdump -Z root --immediate-mode -B 16384 -Uni {BRIDGE} -c 20000 -w {file}"
    with subprocess.Popen(
        ["sudo", "sh", "-c", f"{tcpdump} & read -r _; kill $!"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        WITNESSES["captured"] = lambda: (
            f"{file}\n"
            + last_lines(run("sudo", sys.executable, "wire/wirezmq.py", str(file)).stdout)
        )
        yield
        process.communicate()  # the end of its input ends it
    del WITNESSES["captured"]
    if request.node.stash.get(FAILED, False):
        up("--force-recreate", "--remove-orphans")
    else:
        file.unlink(missing_ok=True)


# --- programs in containers ----------------------------------------------------------------------

Tool = Callable[[list[str], Path], str]


TOOLS = "praktikum-zmq-tshark"


@pytest.fixture(scope="session")
def tools(base: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of tests/Dockerfile, built once in a run: tshark and a browser."""

    def build() -> None:
        services = json.loads(compose("config", "--format", "json").stdout)["services"]
        argument = f"BASE={services['zmq-rep']['build']['args']['BASE']}"
        built(TOOLS, "docker", "build", "-q", "-t", TOOLS, "--build-arg", argument, "tests")

    once("tools", build, tmp_path_factory)
    return TOOLS


@contextmanager
def container(name: str, *options: str) -> Iterator[str]:
    """Run a container beside the lab of this worker, as long as the block lasts; give its name."""
    name = f"{PROJECT}-{name}"
    run("docker", "rm", "-f", name)  # of a run that was killed
    done = run("docker", "run", "-d", "--rm", "--name", name, "--init", *options)
    assert done.returncode == 0, done.stderr
    try:
        yield name
    finally:
        run("docker", "rm", "-f", name)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's repository; one is made where the project came as a ZIP, which has none."""
    if (ROOT / ".git").exists():
        return ROOT
    made = tmp_path_factory.mktemp("repository")
    shutil.copytree(ROOT, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv"))
    for command in "init -q", "add -A", "-c user.name=a -c user.email=b commit -qm a":
        done = run("git", *command.split(), cwd=made)
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="session")
def wireshark(tools: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """Run the programs of Wireshark 4.4 in one container without a network.

    A program runs in a folder of the tests, which it sees as /data.
    """
    options = ["--network", "none", "-w", "/"]
    for seen in tmp_path_factory.getbasetemp(), ROOT / "tests":
        options += ["-v", f"{seen}:{seen}"]
    with container("wireshark", *options, tools, "sleep", "infinity") as name:

        def tool(arguments: list[str], data: Path) -> str:
            there = 'rm -rf /data; ln -s "$0" /data; cd /data; exec "$@"'
            command = ["docker", "exec", name, "sh", "-c", there, str(data)]
            done = run(*command, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        yield tool


@pytest.fixture(scope="session")
def tshark(wireshark: Tool) -> Tool:
    """Run its tshark."""
    return lambda arguments, data: wireshark(["tshark", *arguments], data)


# No process of its own, and no thread, for what no one looks at.
CHROMIUM = "chromium-headless-shell --no-sandbox --disable-gpu --disable-software-rasterizer"
CHROMIUM += " --in-process-gpu --no-zygote --num-raster-threads=1 --no-first-run"
CHROMIUM += " --disable-crash-reporter --remote-debugging-port=0"


def patient(browser: "Browser") -> None:
    """Give what is done on its pages the one limit, too, where Playwright has 30 s."""

    def waiting(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(**options: Any) -> Any:
            context_or_page = make(**options)
            context_or_page.set_default_timeout(1000 * LIMIT)
            return context_or_page

        return made

    browser.new_context = waiting(browser.new_context)  # type: ignore[method-assign]
    browser.new_page = waiting(browser.new_page)  # type: ignore[method-assign]


# Chromium breaks off what it loads when an interface comes up (ERR_NETWORK_CHANGED), as the bridge
# of another test does: it is not told of any.
NO_NETLINK = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": socket.AF_NETLINK, "op": "SCMP_CMP_EQ"}],
        }
    ],
}


@pytest.fixture(scope="session")
def browser(tools: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    """Chromium without a screen on this machine's network, driven from here."""
    from playwright.sync_api import expect, sync_playwright  # which few tests need

    expect.set_options(timeout=1000 * LIMIT)
    listening = r"DevTools listening on (ws://\S+)"
    deaf = tmp_path_factory.mktemp("browser") / "seccomp.json"
    deaf.write_text(json.dumps(NO_NETLINK))
    options = ["--network", "host", "--shm-size", "512m", "--security-opt", f"seccomp={deaf}"]
    options += ["-v", f"{tmp_path_factory.getbasetemp()}:{tmp_path_factory.getbasetemp()}:ro"]
    with container("browser", *options, tools, *CHROMIUM.split()) as name:
        wait_for(lambda: re.search(listening, run("docker", "logs", name).stderr))
        found = re.search(listening, run("docker", "logs", name).stderr)
        assert found
        with sync_playwright() as playwright:
            connected = playwright.chromium.connect_over_cdp(found[1], timeout=1000 * LIMIT)
            patient(connected)
            yield connected
            connected.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page of 1920 × 1080, as on a projector; an error in its script fails the test."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


class Served:
    """zmq-wire --serve on this machine."""

    def __init__(self, folder: Path, *arguments: str | Path, port: int = 0) -> None:
        with socket.create_server(("127.0.0.1", port)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        command = [sys.executable, ROOT / "wire/wirezmq.py", f"--serve={self.port}", *arguments]
        sudo = ["sudo"] if "--live" in arguments else []  # a capture needs root
        self.process = subprocess.Popen(
            [*sudo, *command],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # from its own process group sudo passes no signal on
        )
        self.first = self.line()

    def line(self) -> str:
        """Return the next line on the terminal."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> str:
        """Do what Ctrl-C does; return what is said then."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(LIMIT) == 0
        assert self.process.stderr is not None
        return self.process.stderr.read()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start zmq-wire --serve; what still runs at the end of the test is ended."""
    started: list[Served] = []

    def starter(*arguments: str | Path, port: int = 0) -> Served:
        started.append(Served(tmp_path, *arguments, port=port))
        return started[-1]

    yield starter
    for served in started:
        if served.process.poll() is None:
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(LIMIT)


@pytest.fixture
def published(loopback_alone: None) -> Iterator[Callable[..., Any]]:
    """Start publishers and their subscribers on loopback, which no other test has meanwhile."""
    from screen import Published

    made: list[Published] = []

    def make(topic: str = "") -> Published:
        made.append(Published(topic))
        return made[-1]

    yield make
    for each in made:
        each.context.destroy(linger=0)
