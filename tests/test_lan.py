"""The lab and a second machine: a network namespace at the other end of a cable."""

import sys
from collections.abc import Iterator

import pytest

from conftest import BRIDGE, COMPOSE, PROJECT, ROOT, compose, run, wait_for
from test_pack import sudo

# One worker has the cable, and the ports of this machine.
pytestmark = [pytest.mark.usefixtures("lab"), pytest.mark.xdist_group("lan")]

LECTURER, STUDENT = "198.18.1.1", "198.18.1.2"
LAN = [*COMPOSE, "-f", "compose/lan.yml"]


class Student:
    """The student's machine: Python and pyzmq by `python`, or the image alone by `image`."""

    def __init__(self, container: str, inside: list[str]):
        self.container, self.inside = container, inside

    def python(self, *command: str, port: int, seconds: int = 8) -> str:
        """Run Python for so many seconds, then do as Ctrl-C does; return what it said."""
        endpoint = f"ZMQ_ENDPOINT=tcp://{LECTURER}:{port}"
        timed = [
            "env",
            endpoint,
            "timeout",
            "--foreground",
            "-s",
            "INT",
            str(seconds),
            sys.executable,
            "-u",
        ]
        return run("sudo", *self.inside, *timed, *command).stdout

    def image(self, folder: str, *command: str, port: int, seconds: int = 8) -> str:
        """Do the same with the image, on the network of the student's machine."""
        docker = ["docker", "run", "--rm", "--init", "--network", f"container:{self.container}"]
        docker += ["-e", f"ZMQ_ENDPOINT=tcp://{LECTURER}:{port}", "-v", f"{ROOT}/{folder}:/app:ro"]
        timed = ["timeout", "--foreground", "-s", "INT", str(seconds), "python"]
        return run(*docker, "praktikum-zmq", *timed, *command).stdout

    def open_ports(self) -> set[int]:
        """Return those of the lab's ports that take a connection."""
        connect = ["sudo", *self.inside, "timeout", "2", "bash", "-c"]
        tried = {
            port: run(*connect, f">/dev/tcp/{LECTURER}/{port}") for port in (5555, 9999, 12345)
        }
        return {port for port, done in tried.items() if done.returncode == 0}


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
    compose("up", "-d")
    run("docker", "network", "rm", f"{PROJECT}_lan")


def opens(*services: str) -> None:
    done = run(*LAN, "up", "-d", *services)
    assert done.returncode == 0, done.stderr


def test_only_the_named_port_opens_and_closes_again(student: Student) -> None:
    assert student.open_ports() == set()
    opens("zmq-pub")
    wait_for(lambda: student.open_ports() == {12345})
    assert len(compose("ps", "-q").stdout.split()) == 6  # the others go on
    compose("up", "-d")
    assert student.open_ports() == set()


def test_a_student_subscribes(student: Student) -> None:
    opens("zmq-pub")
    said = student.python("sub/subzmq.py", port=12345)
    assert said.startswith(f"SUB subscriber to ['WAKTU'] connects to tcp://{LECTURER}:12345\n")
    assert 3 <= said.count("\nReceived: 'WAKTU ") <= 9
    assert said.endswith("\nSUB subscriber stopped\n")
    assert (
        3
        <= student.image("sub", "subzmq.py", "TANGGAL", port=12345).count("\nReceived: 'TANGGAL ")
        <= 9
    )


def test_a_student_asks_and_works(student: Student) -> None:
    opens()
    wait_for(lambda: student.open_ports() == {5555, 9999, 12345})
    said = student.python("req/clientzmq.py", "NIM 13519001", port=5555)
    assert "Reply: 'World'" in said and "Reply: 'Received: NIM 13519001'" in said
    assert "Reply: 'Received: satu'" in student.image("req", "clientzmq.py", "satu", port=5555)
    assert " done\n" in student.python("pull/pullzmq.py", port=9999)


def test_an_open_server_still_reaches_no_one(student: Student) -> None:
    ask = f"import socket; socket.create_connection(('{STUDENT}', 8000), 1); print('reached')"
    anywhere = ["docker", "run", "--rm", "praktikum-zmq", "python", "-c", ask]
    wait_for(lambda: run(*anywhere).stdout == "reached\n")
    opens("zmq-pub")
    asked = compose("exec", "-T", "zmq-pub", "python", "-c", ask, check=False)
    assert "TimeoutError" in asked.stderr and asked.stdout == ""
