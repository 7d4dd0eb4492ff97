"""The live page in its containers: compose/live.yml, whatever becomes of the lab meanwhile."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pexpect
import pytest
from playwright.sync_api import Page, expect

from command import wirezmq
from conftest import BRIDGE, LIMIT, PROJECT, ROOT, compose, pause, press_ctrl_c, run, wait_for
from screen import LAB, lane, status

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it
FILE = ROOT / "compose/live.yml"


class Live:
    """compose/live.yml with a port of its own, beside the lab of this worker."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        env = os.environ | {"ZMQ_PORT": str(self.port), "PWD": str(folder)}
        self.how: dict[str, Any] = {"env": env, "cwd": str(folder)}
        self.said = ""  # all that Compose said on stderr

    def compose(self, *arguments: str) -> str:
        """Run docker compose on it and require that it succeeds; return its output."""
        done = run("docker", "compose", "--ansi", "never", "-f", str(FILE), *arguments, **self.how)
        self.said += done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    def spawn(self, *arguments: str) -> Any:
        """Run docker compose on it in a terminal."""
        command = ["compose", "-f", str(FILE), *arguments]
        return pexpect.spawn("docker", command, encoding="utf-8", timeout=LIMIT, **self.how)


def things() -> list[str]:
    """All containers, networks and volumes of this worker, and volumes without a name."""
    listed = [
        *("ps -a --format {{.Names}}", "network ls --format {{.Name}}"),
        "volume ls --format {{.Name}}",
    ]
    found = [run("docker", *each.split()).stdout.split() for each in listed]
    mine = [name for name in found[0] + found[1] if name.startswith(f"{PROJECT}-page")]
    mine += [name for name in found[0] + found[1] if re.match(rf"{PROJECT}.(live|capture)", name)]
    return [*mine, *(name for name in found[2] if name.startswith(PROJECT))]


@pytest.fixture
def live(image: str, tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.compose("down")
    assert things() == []  # `down` leaves nothing, no volume either
    assert "orphan" not in made.said


def inspect(name: str) -> Any:
    return json.loads(run("docker", "inspect", f"{PROJECT}-{name}-1").stdout)[0]


def ask(words: str) -> None:
    """Send a request in the lab, once its server is there."""
    command = ["exec", "-T", "zmq-req", "python", "clientzmq.py", words]
    wait_for(lambda: "Reply" in compose(*command, check=False).stdout)


def test_the_lab_comes_and_goes(lab: None, live: Live, page: Page, tmp_path: Path) -> None:
    live.compose("up", "-d")
    wait_for(lambda: f"{live.url} shows {BRIDGE} live, Ctrl-C ends it" in live.compose("logs"))
    page.goto(live.url)
    status(page, "^live$")
    ask("before")
    expect(page.get_by_role("tab").filter(has_text="REQ")).to_have_count(1)
    (tmp_path / "zmq.pcap").write_bytes(urlopen(f"{live.url}/zmq.pcap").read())
    assert 'request "before"' in wirezmq("zmq.pcap", cwd=tmp_path).stdout

    # the lab is given up and comes again: one beside the other they are no orphans
    assert "orphan" not in compose("down").stderr
    status(page, f"waiting for {BRIDGE}: it is not there yet")
    assert "orphan" not in compose("up", "-d").stderr
    status(page, "^live$")
    ask("after")
    expect(page.get_by_role("tab").filter(has_text="REQ")).to_have_count(2)
    expect(lane(page, "REQ-REP")).to_contain_text("REP")


def test_a_client_whose_server_is_paused(lab: None, live: Live, page: Page) -> None:
    live.compose("up", "-d")
    wait_for(lambda: "shows" in live.compose("logs"))
    page.goto(live.url)
    status(page, "^live$")
    ask("before")
    pause(f"{PROJECT}-zmq-rep-1")
    client = compose("exec", "-T", "zmq-req", "python", "clientzmq.py", "halo", check=False)
    assert client.stdout.count("No reply") == 3
    # Each attempt is there before the server goes on, and in order; one more connection is, too,
    # if the client got so far before it gave up.
    tabs = page.get_by_role("tab").filter(has_text="REQ")
    expect(tabs.filter(has_text="4  REQ")).to_have_count(1)
    compose("unpause", "zmq-rep")
    page.keyboard.press("a")
    packets = page.locator("[role=option] .packet")
    closes = page.get_by_role("option").filter(has_text="FIN: closes")
    wait_for(lambda: closes.count() == 2 * tabs.count())
    told = [int(text) for text in packets.all_inner_texts()]
    assert told == sorted(told)


def test_no_right_that_is_not_needed(lab: None, live: Live) -> None:
    live.compose("up", "-d")
    live.compose("down")  # leaves the lab alone, though both are one project
    assert len(compose("ps", "-q").stdout.split()) == 6
    live.compose("up", "-d")
    capture, page = inspect("capture"), inspect("live")
    for container in capture, page:
        limits = container["HostConfig"]
        assert limits["CapDrop"] == ["ALL"] and limits["ReadonlyRootfs"]
        assert limits["SecurityOpt"] == ["no-new-privileges:true"]
        assert limits["Memory"] and limits["PidsLimit"] and not limits["Privileged"]
        (mount,) = container["Mounts"]
        assert mount["Destination"] == "/wire" and not mount["RW"]
    assert capture["HostConfig"]["CapAdd"] == ["NET_RAW"]
    assert capture["HostConfig"]["NetworkMode"] == "host"
    assert page["HostConfig"]["CapAdd"] is None
    assert page["Config"]["User"] == "65534:65534"
    assert set(page["NetworkSettings"]["Networks"]) == {f"{PROJECT}_page"}
    binding = {"HostIp": "127.0.0.1", "HostPort": str(live.port)}
    assert page["NetworkSettings"]["Ports"] == {"8080/tcp": [binding]}

    # of what the other one writes it can change nothing
    touch = ["sh", "-c", "cat /dev/shm/said && ! touch /dev/shm/new && ! echo >/dev/shm/said"]
    wait_for(lambda: "live" in run("docker", "exec", page["Id"], *touch).stdout)
    away = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    assert run("docker", "exec", page["Id"], "python", "-c", away).returncode

    # this machine alone reaches the port
    assert urlopen(live.url).status == 200
    others = run("hostname", "-I").stdout.split()
    assert others
    for address in others:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
            tried.settimeout(3)
            assert tried.connect_ex((address, live.port)) != 0


def test_ctrl_c_ends_both(lab: None, live: Live) -> None:
    up = live.spawn("up")
    up.expect(f"{live.url} shows {BRIDGE} live, Ctrl-C ends it")
    press_ctrl_c(up)
    up.expect(pexpect.EOF)
    up.close()
    both = "capture", "live"
    assert [inspect(name)["State"]["Status"] for name in both] == ["exited"] * 2

    # Compose 2.26 may take one Ctrl-C for two, and then kills them: `stop` is what the first does.
    live.compose("up", "-d")
    wait_for(lambda: live.compose("logs").count("Ctrl-C ends it") == 2)
    live.compose("stop", "--timeout", str(LIMIT))
    assert [inspect(name)["State"]["ExitCode"] for name in both] == [0, 0]


def test_whoever_captured_is_gone(lab: None, live: Live, page: Page) -> None:
    live.compose("up", "-d")
    wait_for(lambda: "shows" in live.compose("logs"))
    page.goto(live.url)
    status(page, "^live$")
    run("docker", "kill", f"{PROJECT}-capture-1")
    status(page, "the capture ended: whoever captured is not there any more")


def test_a_capture_is_played(live: Live, page: Page, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    shut = live.spawn("run", "--rm", "-P", "page", "kelas.pcap")
    shut.expect("kelas.pcap: Permission denied: 'chmod a.rX . kelas.pcap' lets it be read")
    tmp_path.chmod(0o755)
    (tmp_path / "kelas.pcap").write_bytes(LAB.read_bytes())
    played = live.spawn("run", "--rm", "-P", "page", "kelas.pcap")
    played.expect(f"{live.url} plays kelas.pcap, Ctrl-C ends it")
    page.goto(live.url)
    status(page, r"\S")
    page.keyboard.press("End")
    expect(page.get_by_role("tab").filter(has_text="REQ")).to_have_count(1)
    press_ctrl_c(played)
    played.expect("ended")
    played.expect(pexpect.EOF)
    none = live.spawn("run", "--rm", "-P", "page", "none.pcap")
    none.expect("wirezmq.py: none.pcap: No such file or directory")
    none.expect(pexpect.EOF)
    none.close()
    assert none.exitstatus == 2


def test_zmq_wire_names_no_address_at_which_nothing_answers(image: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["docker", "compose", "-f", ROOT / "compose/zmq.yml", "run", "--rm", "zmq-wire", "--serve"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "'docker compose -f compose/live.yml up' shows the lab" in done.stderr
