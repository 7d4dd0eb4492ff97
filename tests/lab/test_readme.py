"""The pages: their commands, run in order as they stand there, and what they say is printed."""

import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dpkt  # type: ignore[import-untyped]
import pexpect
import pytest
import yaml

from conftest import LIMIT, PROJECT, ROOT, WITNESSES, compose, last_lines, run
from dockerd import Engine, engine
from grade.answers import Answers
from grade.form import parse
from grade.tasks import TASKS
from output.language import _ as translated
from output.language import speaking
from story.reader import read
from story.story import Story

PAGES = ["README.md", "wire/README.md", "docs/percobaan.md", "docs/dosen.md"]  # in this order
PAGES = [page for page in PAGES if "dosen" not in page or (ROOT / page).exists()]  # not in the ZIP
PAGES += ["docs/jaringan.md", "docs/laporan.md", "docs/mengembangkan.md"]
SOLVED = "docs/tugas.md"  # its commands need the scripts that a student is to write
SCRIPTS = {"server": "rep/serverzmq.py", "client": "req/clientzmq.py"}
OF_THE_TESTS = re.compile("COMPOSE_PROJECT_NAME|ZMQ_BRIDGE|PYTEST_.*")  # a user has set none
PROMISES = {  # the commands for a bare machine, and what each must say at its end
    "scripts/setup": "",
    "scripts/demo": "zmq.pcap: 14 of 14 found",
    "scripts/test": " 1 passed in ",
}
PROMPT = "<prompt> "
# What differs from run to run, in the handout and in what comes.
FREE = re.compile(
    r"""(?P<date>\w{3}\ \w{3}\ [ \d]\d\ \d\d:\d\d:\d\d\ 20\d\d | 20\d\d-\d\d-\d\d)
      | (?P<address>\d+\.\d+\.\d+\.\d+(:(?!5555|9999|12345)\d+)?)
      | (?P<worker>\b[0-9a-f]{12}\b)
      | (?P<job>job\ of\ \d\ s\ \.+|[Jj]ob\ (of\ )?\d\b)
      | (?P<row>^\s+\d+(–\d+)?\s+\d+\.\d{6}\s)
      | (?P<number>\d+\.\d+\ (ms|s)\b|\b\d+\ (packets|frames)\b|packets?\ [\d–, ]+)
      | (?P<pack>^praktikum-zmq-\w+\.tar\.gz:\ \d+M,\ for\ machines\ with\ \w+)
      | (?P<log>^zmq-\w+-1\ \ \|\ )
      | (?P<count>^\d+(?=$|:\ br-))
      | (?P<space>\s+)""",
    re.VERBOSE,
)
PATTERNS = {
    "date": r"(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 20\d\d|20\d\d-\d\d-\d\d)",
    "address": r"\d+\.\d+\.\d+\.\d+(:\d+)?",
    "worker": r"[0-9a-f]{12}",
    "job": r"[Jj]ob (of )?\d( s \.*)?",
    "row": r" +\d+(–\d+)? +\d+\.\d{6} ",
    "number": r"(\d+\.\d+ (ms|s)|\d+ (packets|frames)|packets? [\d–, ]+)",
    "pack": r"\S+/praktikum-zmq-(\w+)\.tar\.gz: \d+M, for machines with \w+",
    "log": r"(?:zmq-\w+-1 +\| )?",  # now and then Compose leaves it out
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
    """Return the blocks of a page that a student types: kind, terminal or script, and text."""
    text = (ROOT / readme).read_text()
    return re.findall(r"^```(console|python) (\w+)\n(.*?)^```$", text, re.M | re.S)


class Terminal:
    """A shell on a terminal, in the folder of the project."""

    def __init__(self, folder: Path, machine: Engine) -> None:
        environment = (
            {name: value for name, value in os.environ.items() if not OF_THE_TESTS.fullmatch(name)}
            | {"TERM": "dumb", "PS1": PROMPT, "LANG": "C.UTF-8", "NO_COLOR": "1"}
            | {"DOCKER_HOST": machine.host}
            # In scripts/test one test stands for all: it cannot run itself.
            | {"PYTEST_ADDOPTS": "tests/lab/test_readme.py::test_a_lab_sheet_is_no_manual"}
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
            timeout=LIMIT,
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
        shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\^C", "", self.shell.before)
        left_out = re.sub(r"[^\r\n]*\r(?!\n)", "", shown).strip()  # \r: what was overwritten
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


def english(page: str) -> str:
    """Return the path of a page's English twin."""
    return page.removesuffix(".md") + ".en.md"


ALL = [*PAGES, SOLVED]
BOTH = [*ALL, *map(english, ALL)]


def put_below(script: Path, lines: str) -> None:
    """Put lines where the page says: below the line that makes the context."""
    before, line, after = script.read_text().partition("context = zmq.Context()\n")
    assert after
    script.write_text(before + line + lines + after)


@pytest.fixture
def machine(loaded: Path) -> Iterator[Engine]:
    """An engine without a lab yet, with the network of a machine of its own.

    So every name is there as the handout has it, and the lab of who runs the tests stays up.
    """
    with engine(f"{PROJECT}-student", loaded) as started:
        WITNESSES["machine"] = lambda: "\n".join(
            f"{name}:\n" + last_lines(started.docker("logs", name), 10)
            for name in started.docker("ps", "-a", "--format", "{{.Names}}").split()
        )
        yield started


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """The project in a fresh folder, as a student has it."""
    tmp_path.chmod(0o755)  # pytest's own are closed, to the container of the page too
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=repository).stdout
    for name in listed.splitlines():
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    if (ROOT / "compose/.env").exists():
        shutil.copy(ROOT / "compose/.env", tmp_path / "compose/.env")
    for command in "init -q", "add -A", "-c user.name=a -c user.email=b commit -qm a":
        run("git", *command.split(), cwd=tmp_path)
    return tmp_path


def test_every_command_does_what_the_pages_say(machine: Engine, clone: Path) -> None:
    """One page after the other; the capture that they make is then held against the key.

    The commands are the same in both languages: see test_both_languages_say_the_same.
    """
    machine.docker("tag", "praktikum-zmq", "kept")  # the sheet ends with its removal
    for page in PAGES:
        machine.docker("tag", "kept", "praktikum-zmq")
        terminals: dict[str, Terminal] = {}
        for kind, where, block in blocks(page):
            if kind == "python":
                put_below(clone / SCRIPTS[where], block)
            else:
                terminals.setdefault(where, Terminal(clone, machine)).play(block)
        for terminal in terminals.values():
            terminal.ended()
    capture = clone / "13522001.pcap"  # no experiment has written over it
    wire = [sys.executable, "wire/wirezmq.py", str(capture)]
    assert "14 of 14 found" in run(*wire, "--check", "--expect", "13522001").stdout
    connections = json.loads(run(*wire, "--json").stdout)["connections"]
    the_key_holds(connections, payloads(capture))
    the_form_holds(connections, capture)
    for sheet in PAGES[0], english(PAGES[0]):
        the_table_of_bytes_holds(sheet, payloads(capture))


def test_the_tasks_solved_do_what_their_page_says(machine: Engine, clone: Path) -> None:
    """With the real faults, on the real engine; each capture passes its check."""
    for solved in (clone / "tests/lab/tugas").glob("*zmq.py"):
        (script,) = clone.glob(f"*/{solved.name}")
        shutil.copy(solved, script)
    terminals: dict[str, Terminal] = {}
    for _, where, block in blocks(SOLVED):
        terminals.setdefault(where, Terminal(clone, machine)).play(block)
    for terminal in terminals.values():
        terminal.ended()


@pytest.mark.parametrize(("page", "language"), [(SOLVED, "id"), (english(SOLVED), "en")])
def test_the_tasks_ask_what_is_checked(page: str, language: str) -> None:
    tables = re.findall(
        r"^\|[^|]*\|[^|]*\|\n\|---\|---\|\n((?:\|.*\n)+)", (ROOT / page).read_text(), re.M
    )
    for task, table in zip(TASKS.values(), tables, strict=True):
        with speaking(language):
            asked = [translated(each) for each in task.asked]
        assert re.findall(r"^\| (.*?) \|", table, re.M) == asked


def test_the_commands_for_a_bare_machine_keep_their_promises(machine: Engine, clone: Path) -> None:
    """Typed as they stand; that machine is as bare as can be without a network to install from."""
    for page in PAGES[0], english(PAGES[0]):
        named = re.findall(r"^- `(scripts/\w+)` ", (ROOT / page).read_text(), re.M)
        assert named == list(PROMISES)
    services = json.loads(compose("config", "--format", "json").stdout)["services"]
    machine.docker("tag", "praktikum-zmq", services["zmq-rep"]["build"]["args"]["BASE"])
    venv = clone / ".venv"
    venv.mkdir()
    (venv / "bin").symlink_to(Path(sys.executable).parent)
    shutil.copy(ROOT / "tests/requirements.txt", venv)
    terminal = Terminal(clone, machine)
    for command, words in PROMISES.items():
        block = f"$ {command}", "...", words, "...", "$ [ $? = 0 ] && echo ended well", "ended well"
        terminal.play("\n".join(block))
    running = machine.docker("ps", "--format", "{{.Names}}").split()
    assert len(running) == 6 and all(name.startswith("praktikum-zmq-") for name in running)


def payloads(capture: Path) -> dict[int, bytes]:
    """Return what each packet of a capture carries in TCP, by its number."""
    found = {}
    with capture.open("rb") as file:
        for number, (_, data) in enumerate(dpkt.pcap.Reader(file), 1):
            frame = dpkt.ethernet.Ethernet(data)
            if isinstance(frame.data.data, dpkt.tcp.TCP):
                found[number] = bytes(frame.data.data.data)
    return found


def the_key_holds(connections: list[dict[str, Any]], payload: dict[int, bytes]) -> None:
    """What docs/dosen.md says of order and bytes."""
    wanted = {
        "request": re.compile(rb"\x01\x00\x00.", re.S),
        "reply": re.compile(rb"\x01\x00\x00.", re.S),
        "subscribe": re.compile(rb"\x04.\x09SUBSCRIBE", re.S),
        "job": re.compile(rb"\x00\x05\x80\x04\x4b[\x01-\x05]\x2e"),
        "published": re.compile(rb"\x00.(WAKTU|TANGGAL) ", re.S),
        "ready": re.compile(rb"\x04.\x05READY\x0bSocket-Type", re.S),
    }
    seen = set()
    for connection in connections:
        order: dict[str, int] = {}
        for event in connection["events"]:
            kind, packet = event["kind"], event["packet"]
            order.setdefault(kind, packet)
            order.setdefault(f"{kind} {event['sender']}", packet)
            if kind in wanted:
                seen.add(kind)
                assert wanted[kind].search(payload[packet]), (kind, packet)
        ready = [order[f"ready {connection[side]}"] for side in ("client", "server")]
        greeted = [order[f"greeting {connection[side]}"] for side in ("client", "server")]
        assert order["syn"] < order["syn-ack"] < order["ack"] < min(greeted)
        assert max(greeted) <= min(ready)
        if "request" in order:
            assert max(ready) <= order["request"] < order["reply"]
        if "subscribe" in order:
            assert ready[1] < order["subscribe"] < order["published"]
    assert seen == set(wanted)


def the_form_holds(connections: list[dict[str, Any]], capture: Path) -> None:
    """What docs/dosen.md says of the form, in numbers."""
    events = [event for connection in connections for event in connection["events"]]
    sent = next(at for at, event in enumerate(events) if event.get("text") == "13522001")
    named = f"request = {events[sent]['packet']}\nreply = {events[sent + 1]['packet']}"
    answers, story = Answers(parse(named.encode())), Story(keep=False)
    assert read(str(capture), story, answers.look) == ""
    right = {mark.key: mark.right for mark in answers.marks(story)}
    assert (right["request_seq"], right["reply_len"], right["size_byte"]) == ("135", "22", "08")
    assert all(right.values())
    kinds = Counter(event["kind"] for event in events)
    assert int(right["push"]) > 2 * kinds["request"]


def the_table_of_bytes_holds(page: str, payload: dict[int, bytes]) -> None:
    """Each row of bytes stands in the capture: whole, or up to its "…" and from there on."""
    (table,) = re.findall(r"(?:^\|.*ff 00 00.*\n)(?:^\|.*\n)+", (ROOT / page).read_text(), re.M)
    everything = b"\n".join(payload.values())
    for row in table.splitlines():
        for code in re.findall(r"`((?:[0-9a-f]{2}|…)(?: (?:[0-9a-f]{2}|…))+)`", row.split("|")[2]):
            for part in re.split(" ?… ?", code):
                wanted = bytes.fromhex(part)
                if part.startswith("4b "):  # of one job: the lab gives others as well
                    assert re.search(rb"\x4b[\x01-\x05]", everything)
                elif part.startswith("57 41 4b 54 55 20"):
                    assert wanted[:6] in everything  # of one day
                else:
                    assert wanted in everything, row


def anchors(text: str) -> set[str]:
    """Return the names that the headings of a page can be linked by."""
    heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def shape(table: str) -> list[int]:
    return [row.count("|") for row in table.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_say_the_same(page: str) -> None:
    texts = [(ROOT / twin).read_text() for twin in (page, english(page))]
    every_block = [re.findall(r"^```.*?^```$", text, re.M | re.S) for text in texts]
    assert every_block[0] == every_block[1]
    for same in (
        r"!\[.*?\]\((.*?)\)",
        r"^(#+) ",
        r"`((?:docker|sudo|scripts)[^`<]*)`",
        r"(</?(?:br|details|summary)>)",
    ):
        first, second = (re.findall(same, text, re.M) for text in texts)
        assert first == second
    first, second = ([shape(t) for t in re.findall(r"(?:^\|.*\n)+", x, re.M)] for x in texts)
    assert first == second
    assert texts[0].count("\n") == texts[1].count("\n")
    assert f"({Path(english(page)).name})" in texts[0].splitlines()[2]
    assert f"({Path(page).name})" in texts[1].splitlines()[2]


def test_a_lab_sheet_is_no_manual() -> None:
    for page in PAGES[0], english(PAGES[0]):
        lines = (ROOT / page).read_text().splitlines()
        assert len(lines) <= 360
        assert min(at for at, line in enumerate(lines, 1) if line.startswith("$ ")) < 60


@pytest.mark.parametrize("page", BOTH)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    here = (ROOT / page).parent
    for link in re.findall(r"\]\((?!http)(.*?)\)", text):
        path, _, anchor = link.partition("#")
        to = here / path if path else ROOT / page
        assert to.exists(), link
        assert not anchor or anchor in anchors(to.read_text()), link


def test_every_page_is_reached_and_every_picture_is_shown() -> None:
    for pages in ALL, list(map(english, ALL)):
        text = "".join((ROOT / page).read_text() for page in pages)
        shown = {Path(path).name for path in re.findall(r"!\[.+?\]\((.*?\.png)\)", text)}
        assert {f"image{number}.png" for number in range(1, 10)} <= shown
        assert shown == {picture.name for picture in (ROOT / "img").glob("*.png")}
        for page in pages[1:]:
            assert Path(page).name in text
    for picture in (ROOT / "img").glob("*.png"):
        assert 2_000 < picture.stat().st_size < 300_000, picture
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("readme", [PAGES[0], english(PAGES[0])])
def test_the_lines_of_req_and_rep_are_those_of_the_scripts(readme: str) -> None:
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \| .* \|$", (ROOT / readme).read_text(), re.M)
    assert len(rows) == 6
    for lines, script in zip(zip(*rows, strict=True), SCRIPTS.values(), strict=True):
        text = (ROOT / script).read_text()
        places = [text.find(line) for line in lines]
        assert -1 not in places and places == sorted(places)


@pytest.mark.parametrize("readme", [PAGES[0], english(PAGES[0])])
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
