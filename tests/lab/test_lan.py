"""The lab and a second machine: a network namespace at the other end of a cable."""

import sys
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest

from conftest import BRIDGE, COMPOSE, LIMIT, PROJECT, ROOT, compose, run, up, wait_for
from dockerd import sudo

# One worker has the cable, and the ports of this machine.
pytestmark = [pytest.mark.usefixtures("lab"), pytest.mark.xdist_group("lan")]

LECTURER, STUDENT = "198.18.1.1", "198.18.1.2"
LAN = [*COMPOSE, "-f", "compose/lan.yml"]


class Student:
    """The student's machine: Python and pyzmq by `python`, or the image alone by `image`."""

    def __init__(self, container: str, inside: list[str]):
        self.container, self.inside = container, inside

    def python(self, script: str, *arguments: str, port: int, until: str) -> str:
        """Run a script until it has said this, then do as Ctrl-C does; return what it said."""
        there = ["sudo", *self.inside, "env", f"ZMQ_ENDPOINT=tcp://{LECTURER}:{port}"]
        return said([*there, sys.executable, "-u", script], *arguments, until=until)

    def image(self, script: str, *arguments: str, port: int, until: str) -> str:
        """Do the same with the image, on the network of the student's machine."""
        folder, name = script.split("/")
        docker = ["docker", "run", "--rm", "--init", "--network", f"container:{self.container}"]
        docker += ["-e", f"ZMQ_ENDPOINT=tcp://{LECTURER}:{port}", "-v", f"{ROOT}/{folder}:/app:ro"]
        return said([*docker, "praktikum-zmq", "python", name], *arguments, until=until)

    def open_ports(self) -> set[int]:
        """Return those of the lab's ports that take a connection."""
        connect = ["sudo", *self.inside, "timeout", "2", "bash", "-c"]
        tried = {
            port: run(*connect, f">/dev/tcp/{LECTURER}/{port}") for port in (5555, 9999, 12345)
        }
        return {port for port, done in tried.items() if done.returncode == 0}


def said(command: list[str], *arguments: str, until: str) -> str:
    """Run a command until its output holds what is waited for; interrupt it, and return it all."""
    process: Any = pexpect.spawn(
        command[0], [*command[1:], *arguments], cwd=str(ROOT), encoding="utf-8", timeout=LIMIT
    )
    process.expect(until)
    heard = process.before + process.after
    if not command[-1].endswith("clientzmq.py"):  # that ends by itself, asked with arguments
        process.sendintr()
    process.expect(pexpect.EOF)
    return (heard + process.before).replace("\r\n", "\n")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def student() -> Iterator[Student]:
    """A machine that has the image and a cable to this one, and no other way out."""
    serve = "python -m http.server 8000".split()  # something there for others to reach
    begun = run(*"docker run -d --init --network none praktikum-zmq".split(), *serve)
    container = begun.stdout.strip()
    try:
        pid = run("docker", "inspect", "-f", "{{.State.Pid}}", container).stdout.strip()
        inside = f"nsenter --net=/proc/{pid}/ns/net".split()
        sudo(*f"ip link add {BRIDGE}-c type veth peer name eth0 netns {pid}".split())
        sudo(*f"ip addr add {LECTURER}/24 dev {BRIDGE}-c".split())
        sudo(*f"ip link set {BRIDGE}-c up".split())
        sudo(*inside, *f"ip addr add {STUDENT}/24 dev eth0".split())
        sudo(*inside, *"ip link set eth0 up".split())
        yield Student(container, inside)
    finally:
        run("docker", "rm", "-f", container)  # and the cable with it


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What a test opens is closed after it."""
    yield
    up()
    run("docker", "network", "rm", f"{PROJECT}_lan")


def opens(*services: str) -> None:
    done = run(*LAN, "up", "-d", *services)
    assert done.returncode == 0, done.stderr


def test_only_the_named_port_opens_and_closes_again(student: Student) -> None:
    assert student.open_ports() == set()
    opens("zmq-pub")
    wait_for(lambda: student.open_ports() == {12345})
    assert len(compose("ps", "-q").stdout.split()) == 6  # the others go on
    up()
    assert student.open_ports() == set()


def test_a_student_subscribes(student: Student) -> None:
    opens("zmq-pub")
    said = student.python("sub/subzmq.py", port=12345, until=r"(Received: 'WAKTU .*\r\n){3}")
    assert said.startswith(f"SUB subscriber to ['WAKTU'] connects to tcp://{LECTURER}:12345\n")
    assert said.endswith("\nSUB subscriber stopped\n")
    student.image("sub/subzmq.py", "TANGGAL", port=12345, until=r"(Received: 'TANGGAL .*\r\n){3}")


def test_a_student_asks_and_works(student: Student) -> None:
    opens()
    wait_for(lambda: student.open_ports() == {5555, 9999, 12345})
    asked = student.python(
        "req/clientzmq.py", "NIM 13519001", port=5555, until="Reply: 'Received: NIM 13519001'"
    )
    assert "Reply: 'World'" in asked
    student.image("req/clientzmq.py", "satu", port=5555, until="Reply: 'Received: satu'")
    student.python("pull/pullzmq.py", port=9999, until=r" done\r\n")


def test_an_open_server_still_reaches_no_one(student: Student) -> None:
    ask = f"import socket; socket.create_connection(('{STUDENT}', 8000), 1); print('reached')"
    anywhere = ["docker", "run", "--rm", "praktikum-zmq", "python", "-c", ask]
    wait_for(lambda: run(*anywhere).stdout == "reached\n")
    opens("zmq-pub")
    asked = compose("exec", "-T", "zmq-pub", "python", "-c", ask, check=False)
    assert "TimeoutError" in asked.stderr and asked.stdout == ""
