"""The lab as a stack on a swarm of two engines, with a cable between them."""

import json
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, NamedTuple

import pytest

from conftest import LIMIT, LOOK_FOR, PROJECT, WITNESSES, Record, last_lines, run, wait_for
from dockerd import Engine, engine, sudo

pytestmark = pytest.mark.xdist_group("swarm")  # one worker has the two engines

ONE, TWO = f"{PROJECT}-satu", f"{PROJECT}-dua"
SERVICES = ["zmq-pub", "zmq-pull", "zmq-push", "zmq-rep", "zmq-req", "zmq-sub"]


def test_the_stack_says_what_the_lab_says() -> None:
    lab, stack = (
        json.loads(run("docker", "compose", "-f", file, "config", "--format", "json").stdout)
        for file in ("compose/zmq.yml", "compose/swarm.yml")
    )
    assert sorted(stack["services"]) == SERVICES
    for name, ours in stack["services"].items():
        theirs = lab["services"][name]
        limits = ours.pop("deploy")["resources"]["limits"]
        assert (limits["memory"], limits["pids"]) == (theirs["mem_limit"], theirs["pids_limit"])
        (config,), (volume,) = ours.pop("configs"), theirs["volumes"]
        file = Path(stack["configs"][config["source"]]["file"])
        assert [file] == list(Path(volume["source"]).glob("*.py"))
        assert config["target"] == f"{volume['target']}/{file.name}"
        if name in ("zmq-sub", "zmq-pull"):  # which run as services here
            assert ours.pop("command") == ["python", file.name]
        assert ours["environment"].pop("RES_OPTIONS")  # in place of dns_opt
        assert [*ours.pop("networks")] == ["zmq"] and [*theirs.pop("networks")] == ["default"]
        assert ours.items() <= theirs.items()
        assert theirs.keys() - ours.keys() <= {
            *("build", "command", "mem_limit", "pids_limit", "volumes"),
            *("dns_opt", "pull_policy", "restart", "security_opt"),  # none of a stack
        }
    assert lab["networks"]["default"]["internal"] and stack["networks"]["zmq"]["internal"]


# --- the swarm ----------------------------------------------------------------------------------


class Task(NamedTuple):
    """A container of the stack that runs."""

    node: Engine
    id: str

    def inspect(self) -> Any:
        return json.loads(self.node.docker("inspect", self.id))[0]

    def address(self) -> str:
        address = self.inspect()["NetworkSettings"]["Networks"]["zmq_zmq"]["IPAMConfig"]
        return address["IPv4Address"]  # type: ignore[no-any-return]


class Swarm(NamedTuple):
    """Two engines, of which the first is the manager."""

    one: Engine
    two: Engine

    def tasks(self, service: str) -> list[list[Task]]:
        """Return the tasks of a service that run: those on the first engine, then the others."""
        ps = ["ps", "-q", "--no-trunc", "-f", f"label=com.docker.swarm.service.name=zmq_{service}"]
        return [[Task(node, id) for id in node.docker(*ps).split()] for node in self]

    def logs(self, service: str) -> str:
        return self.one.docker("service", "logs", f"zmq_{service}")


@pytest.fixture(scope="module")
def swarm(loaded: Path, record_testsuite_property: Record) -> Iterator[Swarm]:
    """The stack, deployed on two engines to which the image was brought by hand."""
    with engine(ONE, loaded) as one, engine(TWO, loaded) as two:
        sudo(*f"ip link add eth0 netns {ONE} type veth peer name eth0 netns {TWO}".split())
        for node, address in (one, "198.18.2.1/24"), (two, "198.18.2.2/24"):
            sudo("ip", "-n", node.name, "addr", "add", address, "dev", "eth0")
            sudo("ip", "-n", node.name, "link", "set", "eth0", "up")
        one.docker("swarm", "init", "--advertise-addr", "198.18.2.1")
        token = one.docker("swarm", "join-token", "-q", "worker")
        two.docker("swarm", "join", "--token", token, "198.18.2.1:2377")
        swarm = Swarm(one, two)
        begin = time.monotonic()
        one.docker(*"stack deploy --resolve-image never -c compose/swarm.yml zmq".split())
        WITNESSES["swarm"] = lambda: "\n".join(
            last_lines(swarm.logs(service), 10) for service in SERVICES
        )
        wait_for(lambda: len(running(swarm)) == 9)
        record_testsuite_property("stack: nine tasks run", time.monotonic() - begin)
        yield swarm
        with ThreadPoolExecutor() as both:  # or each would wait for the other
            list(both.map(lambda node: node.docker("swarm", "leave", "--force"), swarm))


def running(swarm: Swarm) -> list[str]:
    """Return the tasks that run, as the manager tells it: "zmq_zmq-pull zmq-satu"."""
    ps = ["stack", "ps", "zmq", "-f", "desired-state=running", "--format"]
    lines = swarm.one.docker(*ps, "{{.Name}} {{.Node}} {{.CurrentState}}").splitlines()
    return sorted(
        re.sub(r"\.\S+", "", line).rsplit(" Running ")[0] for line in lines if " Running " in line
    )


def test_six_services_run_across_both_nodes(swarm: Swarm) -> None:
    assert running(swarm) == sorted(
        [f"zmq_{service} {ONE}" for service in SERVICES]
        + [f"zmq_{service} {TWO}" for service in ("zmq-pull", "zmq-req", "zmq-sub")]
    )


def test_a_task_may_do_little(swarm: Swarm) -> None:
    for service in "zmq-req", "zmq-sub", "zmq-pull":
        ((_,), (task,)) = swarm.tasks(service)
        container = task.inspect()
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] and host["Init"] and host["CapDrop"] == ["ALL"]
        assert (host["Memory"], host["PidsLimit"]) == (2**27, 64)
        assert container["Config"]["User"] == "65534:65534"
        asks = host.get("Sysctls", {}).get("net.ipv4.tcp_keepalive_time")
        assert asks == (None if service == "zmq-req" else "2")


def test_a_name_that_is_down_is_told(swarm: Swarm, record_property: Record) -> None:
    ((_,), (task,)) = swarm.tasks("zmq-sub")
    python = ["exec", task.id, "python", "-c", LOOK_FOR.format("no-such")]
    begin = time.monotonic()
    assert swarm.two.docker(*python) == "not there"
    record_property("stack: a name that is down is told", time.monotonic() - begin)


def asked(swarm: Swarm, *messages: str) -> str:
    """Run the REQ client on the second machine, as the handout says, and return what it says.

    It gives up while the server is still on its way.
    """
    ((_,), (client,)) = swarm.tasks("zmq-req")
    wait_for(lambda: "bound to" in swarm.logs("zmq-rep"))
    return swarm.two.docker("exec", client.id, "python", "clientzmq.py", *messages)


def test_a_request_on_one_node_is_answered_from_the_other(swarm: Swarm) -> None:
    said = asked(swarm, "NIM 13519001")
    assert "Reply: 'World'" in said and "Reply: 'Received: NIM 13519001'" in said
    wait_for(lambda: f"@{ONE}    | Request: 'NIM 13519001'" in swarm.logs("zmq-rep"))
    assert f"@{TWO}" not in swarm.logs("zmq-rep")


@pytest.mark.parametrize(
    ("service", "words"), [("zmq-pull", r"\. done"), ("zmq-sub", "WAKTU .* 20")]
)
def test_clients_on_both_nodes_have_their_share(
    swarm: Swarm, service: str, words: str, record_property: Record
) -> None:
    def nodes() -> set[str]:
        return set(
            re.findall(rf"^zmq_{service}\.\S+@(\S+) +\| .*{words}", swarm.logs(service), re.M)
        )

    begin = time.monotonic()
    wait_for(lambda: nodes() == {ONE, TWO})
    record_property(f"stack: {service} on both nodes has its share", time.monotonic() - begin)


@contextmanager
def captured(file: Path, *tcpdump: str) -> Iterator[None]:
    """Capture to a file as long as the block lasts."""
    shell = f"{' '.join(tcpdump)} -w {file} & read -r _; kill $!; wait $!"
    with Popen(["sudo", "sh", "-c", shell], stdin=PIPE, stderr=PIPE, text=True) as process:
        assert process.stderr
        assert "listening on" in process.stderr.readline()
        yield
        process.communicate("\n", timeout=LIMIT)


def told(capture: Path) -> str:
    return run(sys.executable, "wire/wirezmq.py", str(capture)).stdout


def test_captures_tell_the_traffic_between_the_nodes(swarm: Swarm, tmp_path: Path) -> None:
    ((server,), _) = swarm.tasks("zmq-rep")
    ((_,), (client,)) = swarm.tasks("zmq-req")
    pid = str(server.inspect()["State"]["Pid"])
    cable, container = tmp_path / "cable.pcap", tmp_path / "container.pcap"
    tcpdump = ["tcpdump", "-U", "-ni", "eth0"]
    on_cable = ["ip", "netns", "exec", ONE, *tcpdump, "udp port 4789"]
    in_container = ["nsenter", "-t", pid, "-n", *tcpdump]
    dialogue = (
        rf"\[\d\] REQ-REP: REQ {client.address()}:\d+ connected to REP {server.address()}:5555,"
        r".*\n(.*\n)*?.*request \"NIM 13519001\".*\n.*reply \"Received: NIM 13519001\""
    )
    with captured(cable, *on_cable), captured(container, *in_container):
        asked(swarm, "NIM 13519001")
        wait_for(lambda: re.search(dialogue, told(container)))
        # Two more of each connect, one of them on the second machine.
        swarm.one.docker("service", "scale", "-d", "zmq_zmq-pull=4", "zmq_zmq-sub=4")
        for service, client_type, server_type, port, words in (
            ("zmq-pull", "PULL", "PUSH", 9999, r"jobs?[ ,]"),
            ("zmq-sub", "SUB", "PUB", 12345, "messages published under WAKTU"),
        ):
            wait_for(lambda service=service: [*map(len, swarm.tasks(service))] == [2, 2])  # type: ignore[misc]
            addresses = "|".join(task.address() for task in swarm.tasks(service)[1])
            connected = rf"{client_type} ({addresses}):\d+ connected to {server_type} \S+:{port},"
            expected = rf"{connected}.*\n(.+\n)*?.*{words}"
            wait_for(lambda expected=expected: re.search(expected, told(cable)))  # type: ignore[misc]
    assert re.search(dialogue, told(cable))


def test_a_node_goes_away_and_its_workers_are_replaced(
    swarm: Swarm, record_property: Record
) -> None:
    swarm.one.docker("service", "scale", "-d", "zmq_zmq-pull=6")
    wait_for(lambda: [len(tasks) for tasks in swarm.tasks("zmq-pull")] == [3, 3])
    before = set(swarm.tasks("zmq-pull")[0])
    begin = time.monotonic()
    sudo("ip", "-n", TWO, "link", "set", "eth0", "down")  # the cable is pulled
    wait_for(lambda: running(swarm).count(f"zmq_zmq-pull {ONE}") == 6)
    new = set(swarm.tasks("zmq-pull")[0]) - before
    assert len(new) == 3
    wait_for(lambda: all(" done" in swarm.one.docker("logs", worker.id) for worker in new))
    record_property("stack: the workers of a lost node replaced", time.monotonic() - begin)
