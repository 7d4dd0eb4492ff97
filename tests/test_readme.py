"""The handout: its commands, run in order as they stand there, and what it says they print."""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml
from conftest import PROJECT, ROOT, WITNESSES, last_lines, run
from test_pack import Engine, engine

READMES = ["README.md", "README.en.md"]
SCRIPTS = {"server": "rep/serverzmq.py", "client": "req/clientzmq.py"}
LAB_OF_THE_TESTS = "COMPOSE_PROJECT_NAME", "ZMQ_BRIDGE"  # a user has set neither
PROMPT = "<prompt> "
# What differs from run to run, in the handout and in what comes.
FREE = re.compile(
    r"""(?P<date>\w{3}\ \w{3}\ [ \d]\d\ \d\d:\d\d:\d\d\ 20\d\d | 20\d\d-\d\d-\d\d)
      | (?P<address>\d+\.\d+\.\d+\.\d+(:(?!5555|9999|12345)\d+)?)
      | (?P<worker>\b[0-9a-f]{12}\b)
      | (?P<job>job\ of\ \d\ s\ \.+|[Jj]ob\ (of\ )?\d\b)
      | (?P<row>^\s+\d+(–\d+)?\s+\d+\.\d{6}\s)
      | (?P<number>\d+\.\d+\ (ms|s)\b|\b\d+\ (packets|frames)\b|frames?\ [\d–, ]+)
      | (?P<pack>^praktikum-zmq-\w+\.tar\.gz:\ \d+M,\ for\ machines\ with\ \w+)
      | (?P<count>^\d+$)
      | (?P<space>\s+)""",
    re.VERBOSE,
)
PATTERNS = {
    "date": r"(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 20\d\d|20\d\d-\d\d-\d\d)",
    "address": r"\d+\.\d+\.\d+\.\d+(:\d+)?",
    "worker": r"[0-9a-f]{12}",
    "job": r"[Jj]ob (of )?\d( s \.*)?",
    "row": r" +\d+(–\d+)? +\d+\.\d{6} ",
    "number": r"(\d+\.\d+ (ms|s)|\d+ (packets|frames)|frames? [\d–, ]+)",
    "pack": r"\S+/praktikum-zmq-(\w+)\.tar\.gz: \d+M, for machines with \w+",
    "count": r"\d+",
    "space": r"(?:\x1b\[[\d;]*[A-Za-z]| )+",  # Compose colours its logs
}


def pattern(line: str) -> str:
    """Return the expression for a line of expected output, what differs each time left free."""
    made, at = "", 0
    for free in FREE.finditer(line):
        made += re.escape(line[at : free.start()]) + PATTERNS[free.lastgroup or "space"]
        at = free.end()
    return made + re.escape(line[at:])


def blocks(readme: str) -> list[tuple[str, str, str]]:
    """Return the blocks of a handout that a student types: kind, terminal or script, and text."""
    text = (ROOT / readme).read_text()
    return re.findall(r"^```(console|python) (\w+)\n(.*?)^```$", text, re.M | re.S)


class Terminal:
    """A shell on a terminal, in the folder of the project."""

    def __init__(self, folder: Path, machine: Engine) -> None:
        environment = (
            {name: value for name, value in os.environ.items() if name not in LAB_OF_THE_TESTS}
            | {"TERM": "dumb", "PS1": PROMPT, "LANG": "C.UTF-8", "NO_COLOR": "1"}
            | {"DOCKER_HOST": machine.host}
            | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # python has dpkt
        )
        there = f"sudo nsenter --net=/run/netns/{machine.name} setpriv --reuid={os.getuid()}"
        there += f" --regid={os.getgid()} --init-groups env -i"
        self.shell: Any = pexpect.spawn(
            "sudo",
            [
                *there.split()[1:],
                *(f"{name}={value}" for name, value in environment.items()),
                *"bash --norc --noprofile".split(),
            ],
            cwd=str(folder),
            encoding="utf-8",
            timeout=60,
            dimensions=(50, 300),
        )
        self.gap = True  # whether lines may be left out before the next
        self.prompt = False  # whether the prompt is there
        self.command = "the shell"

    def expect(self, *expressions: str) -> int:
        """Wait for one of them, and fail if lines come before it that the handout lacks."""
        try:
            found: int = self.shell.expect(list(expressions))
        except (pexpect.TIMEOUT, pexpect.EOF):
            pytest.fail(f"{self.command}: no {expressions} in what came: {self.shell.before}")
        left_out = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\^C", "", self.shell.before).strip()
        assert self.gap or not left_out, f"{self.command}: not in the handout: {left_out}"
        self.gap = False
        return found

    def ended(self) -> None:
        """Wait until the last command has ended, unless it has been seen to."""
        if not self.prompt:
            self.expect(re.escape(PROMPT))
            self.prompt = True

    def play(self, block: str) -> None:
        """Type what the lines say is typed, and expect the others."""
        typing = False
        either: list[str] = []  # both sides greet, and get ready, at once: in whatever order
        for line in block.splitlines():
            if re.search(r"ZMTP +(greeting|READY)", line):
                either.append(pattern(line))
                continue
            while either:
                either.pop(self.expect(*either))
            if typing:  # a command that goes over several lines
                self.shell.sendline(line)
                self.shell.expect_exact(line)
                typing = not line.endswith("'")
            elif line == "...":
                self.gap = True
            elif line == "^C":
                self.gap = True  # what came until then, and the ^C that the terminal shows
                time.sleep(2)  # no one is faster; tcpdump would lose what came in its last second
                self.shell.sendintr()
            elif line.startswith("$ "):
                self.ended()
                self.command, self.prompt = line, False
                self.shell.sendline(line[2:])
                self.shell.expect_exact(line[2:])
                typing = line.count("'") % 2 == 1
            elif line.startswith(">"):
                self.expect("> ")
                self.shell.sendline(line[2:])
                self.shell.expect_exact(line[2:])
            else:
                self.expect(pattern(line))
        if self.gap:
            self.ended()


def put_before(script: Path, lines: str) -> None:
    """Put lines where the handout says: before the socket binds or connects."""
    text = script.read_text()
    (place,) = re.findall(r"^ +socket\.(?:bind|connect)\(", text, re.M)
    script.write_text(text.replace(place, lines + place))


@pytest.fixture
def machine(image_file: Path) -> Iterator[Engine]:
    """An engine that has the image and no lab yet, with the network of a machine of its own.

    So every name is there as the handout has it, and the lab of who runs the tests stays up.
    """
    with engine(f"{PROJECT}-student") as started:
        started.docker("load", "-i", str(image_file))
        WITNESSES["machine"] = lambda: "\n".join(
            f"{name}:\n" + last_lines(started.docker("logs", name), 10)
            for name in started.docker("ps", "-a", "--format", "{{.Names}}").split()
        )
        yield started


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project in a fresh folder, as a student has it."""
    for name in run("git", "ls-files", "-co", "--exclude-standard").stdout.splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    if (ROOT / "compose/.env").exists():
        shutil.copy(ROOT / "compose/.env", tmp_path / "compose/.env")
    for command in "init -q", "add -A", "-c user.name=a -c user.email=b commit -qm a":
        run("git", *command.split(), cwd=tmp_path)
    return tmp_path


@pytest.mark.timeout(900)
@pytest.mark.parametrize("readme", READMES)
def test_every_command_does_what_the_handout_says(
    readme: str, machine: Engine, clone: Path
) -> None:
    terminals: dict[str, Terminal] = {}
    for kind, where, block in blocks(readme):
        if kind == "python":
            put_before(clone / SCRIPTS[where], block)
        else:
            terminals.setdefault(where, Terminal(clone, machine)).play(block)
    for terminal in terminals.values():
        terminal.ended()


def anchors(text: str) -> set[str]:
    """Return the names that the headings of a page can be linked by."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_both_languages_say_the_same() -> None:
    pages = [(ROOT / readme).read_text() for readme in READMES]
    every_block = [re.findall(r"^```.*?^```$", page, re.M | re.S) for page in pages]
    assert every_block[0] == every_block[1]
    for same in r"!\[.*?\]\((.*?)\)", r"^(#+) ", r"`((?:docker|sudo|scripts)[^`]*)`":
        first, second = (re.findall(same, page, re.M) for page in pages)
        assert first == second
    assert pages[0].count("\n") == pages[1].count("\n")
    assert "(README.en.md)" in pages[0].splitlines()[2]
    assert "(README.md)" in pages[1].splitlines()[2]


@pytest.mark.parametrize("readme", READMES)
def test_links_lead_somewhere_and_pictures_are_there(readme: str) -> None:
    text = (ROOT / readme).read_text()
    for link in re.findall(r"\]\((?!http)(.*?)\)", text):
        path, _, anchor = link.partition("#")
        assert (ROOT / (path or readme)).exists(), link
        assert not anchor or anchor in anchors(text), link
    shown = set(re.findall(r"!\[.+?\]\((img/.*?\.png)\)", text))
    assert {f"img/image{number}.png" for number in range(1, 10)} <= shown
    assert shown == {f"img/{picture.name}" for picture in (ROOT / "img").glob("*.png")}
    for picture in shown:
        size = (ROOT / picture).stat().st_size
        assert 2_000 < size < 150_000, picture
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("readme", READMES)
def test_the_topology_is_that_of_the_compose_file(readme: str) -> None:
    (chart,) = re.findall(r"^```mermaid\n(.*?)^```$", (ROOT / readme).read_text(), re.M | re.S)
    services = yaml.safe_load((ROOT / "compose/zmq.yml").read_text())["services"]
    drawn = dict(re.findall(r'\["(zmq-\w+)<br>(\w+\.py)"\]', chart))
    assert set(drawn) == {name for name in services if "profiles" not in services[name]}
    for name, script in drawn.items():
        text = (ROOT / name.removeprefix("zmq-") / script).read_text()
        (endpoint,) = re.findall(r'"ZMQ_ENDPOINT", "(.*?)"', text)
        port = endpoint.rpartition(":")[2]
        (arrow,) = [line for line in chart.splitlines() if name in line]
        assert f', {port}"' in arrow
        if "zmq-" in endpoint:  # the side that connects is where the arrow begins
            assert arrow.strip().startswith(name.removeprefix("zmq-"))
            assert f'["{endpoint[6:].partition(":")[0]}<br>' in arrow.partition("-->")[2]
