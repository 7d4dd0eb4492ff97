"""The lab on the real engine, by the commands as a student types them."""

import calendar
import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from conftest import (
    BRIDGE,
    LIMIT,
    PROJECT,
    ROOT,
    Record,
    asleep,
    compose,
    pause,
    press_ctrl_c,
    run,
    up,
    wait_for,
)
from terminals import (
    ends,
    exec_typed,
    in_container,
    inspect,
    logs,
    process,
    processes,
    typed,
)

pytestmark = pytest.mark.usefixtures("lab")

SERVICES = ["zmq-pub", "zmq-pull", "zmq-push", "zmq-rep", "zmq-req", "zmq-sub"]
SERVERS = {"zmq-rep": "REP server", "zmq-pub": "PUB publisher", "zmq-push": "PUSH dispatcher"}
CLIENTS = {
    "zmq-req": ("python clientzmq.py", "> ", "REQ client"),
    "zmq-sub": ("python subzmq.py", "WAKTU .* 20", "SUB subscriber"),
    "zmq-pull": ("python pullzmq.py", r"job of \d s \.", r"Worker \w+"),
}


def bound(service: str) -> int:
    """Return how often a server has said that it is bound."""
    return logs(service).count(" bound to ")


# --- what is up -------------------------------------------------------------------------------


def test_six_services_of_one_image_run() -> None:
    lines = compose("ps", "--format", "{{.Service}} {{.Image}} {{.State}} {{.Ports}}").stdout
    assert sorted(line.strip() for line in lines.splitlines()) == [
        f"{service} praktikum-zmq running"
        for service in SERVICES  # and no port published
    ]


def test_up_again_changes_nothing() -> None:
    before = compose("ps", "-q").stdout
    assert "Started" not in compose("up", "-d").stderr
    assert compose("ps", "-q").stdout == before


def test_setup_again_does_nothing() -> None:
    done = run("scripts/setup")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "setup: all is there\n")


def test_the_bridge_is_on_the_host() -> None:
    assert re.search(rf"\d+: {BRIDGE}: <.*\bUP\b", run("ip", "a").stdout)


def test_the_standin_is_not_called_official() -> None:
    history = run("docker", "image", "inspect", "python:3.13-slim-trixie")
    if history.returncode == 0:
        # Only a registry gives an image a digest; one that was imported here has none.
        assert json.loads(history.stdout)[0]["RepoDigests"]


# --- what the containers may do ---------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_do_little(service: str) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in in_container(service, "print(open('/proc/self/status').read())").splitlines()
        if ":\t" in line
    )
    assert "0" not in status["Uid"].split()
    for capabilities in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"] == "1"
    container = inspect(service)
    host = container["HostConfig"]
    assert host["ReadonlyRootfs"] and host["Init"] and not host["PortBindings"]
    assert 0 < host["Memory"] <= 2**27 and 0 < host["PidsLimit"] <= 100
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    (mount,) = container["Mounts"]
    assert mount["Source"] == str(ROOT / service.removeprefix("zmq-"))
    assert mount["Destination"] == "/app" and not mount["RW"]


@pytest.fixture
def outside() -> Iterator[str]:
    """A server beyond this machine's bridges: in a network namespace behind a veth pair."""
    name, cable = f"{PROJECT}-outside", f"{BRIDGE}-out"
    up = f"""
        ip netns add {name}
        ip link add {cable} type veth peer name eth0 netns {name}
        ip addr add 198.51.100.1/24 dev {cable}
        ip link set {cable} up
        ip -n {name} addr add 198.51.100.2/24 dev eth0
        ip -n {name} link set eth0 up
        ip -n {name} route add default via 198.51.100.1"""
    for command in up.strip().splitlines():
        done = run("sudo", *command.split())
        assert done.returncode == 0, done.stderr
    serve = f"sudo ip netns exec {name} python3 -m http.server 8000"
    server = subprocess.Popen(serve.split(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    yield "import socket; socket.create_connection(('198.51.100.2', 8000), 1); print('reached')"
    run("sudo", "sh", "-c", f"kill $(ip netns pids {name})")
    server.wait(LIMIT)
    run("sudo", "ip", "netns", "delete", name)


def test_the_containers_reach_no_outside_address(outside: str) -> None:
    anywhere = ["docker", "run", "--rm", "praktikum-zmq", "python", "-c", outside]
    wait_for(lambda: run(*anywhere).stdout == "reached\n")  # from a bridge that is not internal
    for service in SERVICES:
        refused = compose("exec", "-T", service, "python", "-c", outside, check=False)
        assert "reached" not in refused.stdout
        assert "TimeoutError" in refused.stderr or "OSError" in refused.stderr


def test_the_clock_is_the_users() -> None:
    assert in_container("zmq-pub", "import time; print(time.tzname[0])") == "WIB\n"
    before = len(told := re.findall(r"'WAKTU (.*)'", logs("zmq-pub")))
    clock = "import time; print(time.time() + time.localtime().tm_gmtoff)"
    then = in_container("zmq-req", clock)

    def next_but_one() -> bool:  # the next may have been under way
        told[:] = re.findall(r"'WAKTU (.*)'", logs("zmq-pub"))[before + 1 :]
        return bool(told)

    wait_for(next_but_one)
    now = in_container("zmq-req", clock)
    assert float(then) - 1 < calendar.timegm(time.strptime(told[0])) <= float(now)
    other = run(
        *"env TZ=Asia/Jayapura docker compose -f compose/zmq.yml run --rm -T zmq-req date".split()
    )
    assert " WIT " in other.stdout


# --- the commands as they are typed -----------------------------------------------------------


def test_req_rep_as_typed() -> None:
    terminal = exec_typed("zmq-req", "python clientzmq.py")
    terminal.expect(r"Reply: 'World' \(\d+\.\d\d ms\)\r\n> ")
    terminal.sendline("NIM 13519001")
    terminal.expect(r"Reply: 'Received: NIM 13519001' \(\d+\.\d\d ms\)\r\n> ")
    terminal.sendline("")
    assert ends(terminal) == 0
    follow = typed("docker compose -f compose/zmq.yml logs -f zmq-rep")
    follow.expect(r"Request: 'Hello'")  # now and then Compose leaves out whose line it is
    follow.expect(r"Request: 'NIM 13519001'")
    press_ctrl_c(follow, follow.pid)
    ends(follow)


def test_pub_sub_as_typed() -> None:
    terminal = exec_typed("zmq-sub", "python subzmq.py")
    for _ in range(3):
        terminal.expect(r"\r\nReceived: '(\w+) \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 20\d\d'(?=\r\n)")
        assert terminal.match.group(1) == "WAKTU"
    assert "TANGGAL" not in terminal.before
    press_ctrl_c(terminal, process("zmq-sub", "subzmq.py"))
    assert ends(terminal) == 0


@pytest.mark.parametrize(
    ("topics", "expected"), [("TANGGAL", {"TANGGAL"}), ('""', {"WAKTU", "TANGGAL"})]
)
def test_the_topic_is_chosen(topics: str, expected: set[str]) -> None:
    terminal = exec_typed("zmq-sub", f"python subzmq.py {topics}")
    heard = set()
    for _ in range(4):
        terminal.expect(r"\r\nReceived: '(WAKTU|TANGGAL) ")
        heard.add(terminal.match.group(1))
    assert heard == expected
    press_ctrl_c(terminal, process("zmq-sub", "subzmq.py"))
    assert ends(terminal) == 0


def test_push_pull_as_typed() -> None:
    name = inspect("zmq-pull")["Config"]["Hostname"]
    terminal = exec_typed("zmq-pull", "python pullzmq.py")
    terminal.expect(rf"Worker {name}: job of (\d) s (\.+) done\r\n")
    assert 1 <= int(terminal.match.group(1)) <= 5
    assert len(terminal.match.group(2)) == int(terminal.match.group(1))
    press_ctrl_c(terminal, process("zmq-pull", "pullzmq.py"))
    assert ends(terminal) == 0


@pytest.mark.parametrize("service", CLIENTS)
def test_ctrl_c_ends_a_client(service: str) -> None:
    command, ready, name = CLIENTS[service]
    terminal = exec_typed(service, command)
    terminal.expect(ready)
    press_ctrl_c(terminal, process(service, command.removeprefix("python ")))
    terminal.expect(rf"\r\n{name} stopped\r\n")
    assert ends(terminal) == 0
    assert "Traceback" not in terminal.before


@pytest.mark.parametrize("service", SERVERS)
def test_stop_ends_a_server(service: str) -> None:
    """By itself: what the engine has to kill ends with 137."""
    (script,) = (ROOT / service.removeprefix("zmq-")).glob("*.py")
    wait_for(lambda: asleep(process(service, script.name)))
    compose("stop", "--timeout", str(LIMIT), service)
    state = inspect(service)["State"]
    said = logs(service)
    compose("start", service)
    assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False)
    assert said.endswith(f"\n{SERVERS[service]} stopped\n")
    assert "Traceback" not in said


def test_a_server_comes_back_by_itself() -> None:
    before, times = inspect("zmq-rep")["RestartCount"], bound("zmq-rep")
    run("docker", "exec", inspect("zmq-rep")["Id"], "python", "-c", "import os; os.kill(1, 15)")
    wait_for(lambda: bound("zmq-rep") > times)
    assert inspect("zmq-rep")["RestartCount"] == before + 1
    assert "Reply: 'World'" in compose("exec", "-T", "zmq-req", "python", "clientzmq.py").stdout


def test_a_client_started_first_waits_for_its_server() -> None:
    compose("stop", "zmq-rep")
    times = bound("zmq-rep")
    client = exec_typed("zmq-req", "python clientzmq.py pertama")
    client.expect("No reply, attempt 1 of 3")
    pause(f"{PROJECT}-zmq-req-1")  # it would give up where an engine takes seconds to start another
    compose("start", "zmq-rep")
    wait_for(lambda: bound("zmq-rep") > times)
    compose("unpause", "zmq-req")
    client.expect(r"Reply: 'World'")
    client.expect(r"Reply: 'Received: pertama'")
    assert ends(client) == 0


def test_an_edited_script_runs_at_once(tmp_path: Path) -> None:
    for folder in "compose", "req":
        shutil.copytree(ROOT / folder, tmp_path / folder)
    names = {"COMPOSE_PROJECT_NAME": f"{PROJECT}-e", "ZMQ_BRIDGE": f"{BRIDGE}-e"}
    there: Any = {"cwd": tmp_path, "env": os.environ | names}
    try:
        compose("up", "-d", "zmq-req", **there)
        (tmp_path / "req/clientzmq.py").write_text("print('edited')\n")
        said = compose("exec", "-T", "zmq-req", "python", "clientzmq.py", **there).stdout
        assert said == "edited\n"
    finally:
        compose("down", **there)


# --- several workers --------------------------------------------------------------------------


@pytest.fixture
def workers() -> Iterator[list[str]]:
    """Three worker containers, by their names."""
    up("--scale", "zmq-pull=3", "--scale", "zmq-sub=3")
    yield compose("ps", "--format", "{{.Name}}", "zmq-pull").stdout.split()
    up("--scale", "zmq-pull=1", "--scale", "zmq-sub=1")


def test_three_workers_share_the_jobs(workers: list[str]) -> None:
    assert len(workers) == 3
    assert len(compose("ps", "-q", "zmq-sub").stdout.split()) == 3
    compose("stop", "zmq-push")  # so that all three are there for its first job
    terminals = []
    for index in (1, 2, 3):
        command = (
            f"docker compose -f compose/zmq.yml exec --index {index} zmq-pull python pullzmq.py"
        )
        terminals.append(typed(command))
        terminals[-1].expect("connects to")
    before = len(jobs_handed_out())
    compose("start", "zmq-push")
    done = [Counter[str]() for _ in terminals]
    for terminal, counter in zip(terminals, done, strict=True):  # each worker has its turn
        terminal.expect(r"job of (\d) s \.+ done")
        counter[terminal.match.group(1)] += 1
    compose("stop", "zmq-push")
    jobs = Counter(jobs_handed_out()[before:])

    def all_done() -> bool:
        for terminal, counter in zip(terminals, done, strict=True):
            while terminal.expect([pexpect.TIMEOUT, r"job of (\d) s \.+ done"], timeout=0.1):
                counter[terminal.match.group(1)] += 1
        return sum(counter.total() for counter in done) >= jobs.total()

    wait_for(all_done)
    workers_there = processes("zmq-pull", "pullzmq.py")
    for terminal in terminals:
        press_ctrl_c(terminal, *workers_there)
        workers_there.clear()  # the others wait as well
        assert ends(terminal) == 0
    compose("start", "zmq-push")
    assert sum(done, Counter()) == jobs  # each of them, and none twice


def jobs_handed_out() -> list[str]:
    return re.findall(r"Job of (\d) s handed out", logs("zmq-push"))


# --- the demo and its capture -----------------------------------------------------------------


def test_demo_runs_the_lab(tmp_path: Path, tshark: Callable[[list[str], Path], str]) -> None:
    """Also where sudo first says that it does not know the machine's own name."""
    sudo = tmp_path / "bin/sudo"
    sudo.parent.mkdir()
    said = "sudo: unable to resolve host lab: Name or service not known"
    sudo.write_text(f'#!/bin/sh\necho "{said}" >&2\nexec {shutil.which("sudo")} "$@"\n')
    sudo.chmod(0o755)
    path = {"PATH": f"{sudo.parent}:{os.environ['PATH']}"}
    done = run(str(ROOT / "scripts/demo"), cwd=tmp_path, env=os.environ | path)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "Reply: 'World'",
        "Reply: 'Received: satu'",
        "Reply: 'Received: dua'",
        "WAKTU ",
        "SUB subscriber stopped",
        "Request: 'dua'",
        'request "dua" after the empty delimiter',
        'SUBSCRIBE to "WAKTU"',
        "14 of 14 found",
        f"done: the capture is {tmp_path}/zmq.pcap, its page is {tmp_path}/zmq.html, and the lab",
    ):
        assert words in done.stdout
    assert len(re.findall(r"job of \d s \.+ done", done.stdout)) == 2
    assert len(re.findall(r"^Received: 'WAKTU ", done.stdout, re.M)) >= 3
    assert left_behind() == ""
    # What real tcpdump captured, read by real tshark.
    told = tshark(
        "-r zmq.pcap -o zmtp.tcp.port:5555,9999,12345 --disable-protocol adb"
        " --disable-protocol tplink-smarthome -Y zmtp -T fields"
        " -e tcp.srcport -e tcp.dstport -e zmtp.data.text".split(),
        tmp_path,
    )
    for port in "5555", "12345", "9999":
        assert re.search(rf"^(\d+\t{port}|{port}\t\d+)\t", told, re.M)


def left_behind() -> str:
    """Return the clients of the lab, and captures on its bridge, that are still running."""
    clients = compose("top", "zmq-req", "zmq-sub", "zmq-pull").stdout
    captures = []
    for running in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            captures.append(running.read_text().replace("\0", " "))
    return "\n".join(
        [line for line in clients.splitlines() if "python" in line]
        + [line for line in captures if line.startswith(f"tcpdump -ni {BRIDGE} ")]
    )


def test_demo_says_why_it_cannot_capture(tmp_path: Path) -> None:
    (tmp_path / "zmq.pcap").mkdir()
    done = run(str(ROOT / "scripts/demo"), cwd=tmp_path)
    assert done.returncode == 1 and "REQ-REP" not in done.stdout
    says = f"demo: the capture did not begin: tcpdump: .*{tmp_path}/zmq.pcap: Is a directory"
    assert re.fullmatch(says, done.stderr.splitlines()[-1])
    assert left_behind() == ""


@pytest.mark.parametrize("step", ["three messages of WAKTU", "until two jobs are done"])
def test_ctrl_c_leaves_nothing_of_the_demo(
    step: str, tmp_path: Path, record_property: Record
) -> None:
    demo = pexpect.spawn(
        str(ROOT / "scripts/demo"), cwd=str(tmp_path), encoding="utf-8", timeout=LIMIT
    )
    demo.expect(step)
    demo.expect("connects to")
    assert left_behind()
    begin = time.monotonic()
    demo.sendintr()
    assert ends(demo) == 130
    wait_for(lambda: not left_behind())
    record_property("Ctrl-C in scripts/demo leaves nothing", time.monotonic() - begin)
    assert run("tcpdump", "-nr", f"{tmp_path}/zmq.pcap").returncode == 0  # it is whole


def test_what_zmq_wire_writes_is_the_users(tmp_path: Path) -> None:
    """In a folder of another user: the capture that it keeps, the page, and the annotation."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    run("sudo", "chown", "1234:1234", str(folder))
    wire = f"docker compose -f {ROOT}/compose/zmq.yml run --rm zmq-wire"
    there: Any = {"cwd": str(folder), "env": os.environ | {"PWD": str(folder)}}  # as a shell has it
    live = pexpect.spawn(f"{wire} -w zmq.pcap", encoding="utf-8", timeout=LIMIT, **there)
    live.expect(f"live from {BRIDGE}, Ctrl-C ends it")
    compose("exec", "-T", "zmq-req", "python", "clientzmq.py", "halo")
    live.expect('request "halo" after the empty delimiter')
    live.sendintr()
    assert ends(live) == 0
    done = run(*wire.split(), *"zmq.pcap --html zmq.html --pcapng told.pcapng".split(), **there)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in folder.iterdir()) == ["told.pcapng", "zmq.html", "zmq.pcap"]
    assert {file.stat().st_uid for file in folder.iterdir()} == {1234}
    assert "halo" in (folder / "zmq.html").read_text()


def test_typed_tcpdump_captures(tmp_path: Path) -> None:
    command = f"sudo tcpdump -nvi {BRIDGE} -w {tmp_path}/zmq.pcap"
    tcpdump = typed(command)
    tcpdump.expect(f"listening on {BRIDGE}")
    compose("exec", "-T", "zmq-req", "python", "clientzmq.py")
    tcpdump.expect(r"Got [1-9]\d+")  # more than looking for each other takes
    press_ctrl_c(tcpdump, tcpdump.pid)
    tcpdump.expect(r"[1-9]\d* packets captured")
    assert ends(tcpdump) == 0
    shown = run("tcpdump", "-nr", f"{tmp_path}/zmq.pcap").stdout
    assert ".5555: Flags [S]" in shown
