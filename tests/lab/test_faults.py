"""What goes wrong in a classroom, done to the real containers: each client goes on by itself."""

import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import (
    COMPOSE,
    LIMIT,
    LOOK_FOR,
    PROJECT,
    ROOT,
    Record,
    asleep,
    pause,
    run,
    up,
    wait_for,
)
from dockerd import engine
from terminals import docker, in_container, inspect, logs, name, processes

# The script as it is, but each second of a job takes a hundredth: what is queued is done at once.
FAST = (
    "import runpy, time; sleep = time.sleep; time.sleep = lambda s: sleep(s / 100); "
    "runpy.run_path('pullzmq.py')"
)
PATIENT = "exec(open('clientzmq.py').read().replace('2500', '60000'))"  # a minute, not 2.5 s
CLIENTS = {
    "zmq-rep": ("zmq-req", ["clientzmq.py"], "Reply: 'Received: "),
    "zmq-pub": ("zmq-sub", ["subzmq.py"], "Received: 'WAKTU "),
    "zmq-push": ("zmq-pull", ["-c", FAST], " done"),
}
SERVERS = list(CLIENTS)
# When a server was bound. Not at the beginning of a line, if the one killed before had ended none.
BOUND = re.compile(r"(\d{4}-\d\d-\d\dT\S{15})\d*Z \w+ \w+ bound to")
DONE = re.compile(r"job of (\d) s \.+ done")


@pytest.fixture(scope="module", autouse=True)
def quick_lab(lab: None) -> Iterator[None]:
    """The lab with ten messages and ten jobs a second, so that little time tells much."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZMQ_INTERVAL", "0.1")
        up()
        yield
    up()


class Client:
    """A client running in its container; each line it prints is kept."""

    def __init__(self, service: str, python: list[str], progress: str, index: int = 1):
        self.service, self.progress = service, progress
        self.lines: list[str] = []
        self.sent: list[str] = []
        self.process = subprocess.Popen(
            [*COMPOSE, "exec", "-T", "--index", str(index), service, "python", *python],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.writing = False
        self.write()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def write(self) -> None:
        """Give it lines from now on, if it reads any."""
        if self.service == "zmq-req" and not self.writing:
            self.writing = True
            self.writer = threading.Thread(target=self._write)
            self.writer.start()

    def _write(self) -> None:
        """Give it a line a tenth of a second after each reply."""
        assert self.process.stdin
        while self.writing:
            if self.output.count(self.progress) == len(self.sent):
                self.sent.append(f"message {len(self.sent)}")
                print(self.sent[-1], file=self.process.stdin, flush=True)
            time.sleep(0.1)

    def rest(self) -> None:
        """Give it no line for now, and wait until each has its reply."""
        self.writing = False
        if self.service == "zmq-req":
            self.writer.join()
            wait_for(lambda: self.output.count(self.progress) == len(self.sent))

    def unanswered(self) -> None:
        """Wait until REQ has waited in vain for a reply."""
        if self.service == "zmq-req":
            tried = self.output.count("attempt 1 of 3")
            wait_for(lambda: self.output.count("attempt 1 of 3") > tried)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Stop the time of REQ: it gives up after 7.5 s, in which no engine has to be back.

        After that it tries a last time at least, if it has tried no more than twice before.
        """
        script = processes(self.service, "clientzmq.py") if self.service == "zmq-req" else []
        for process in script:
            run("sudo", "kill", "-STOP", str(process))
        yield
        for process in script:
            run("sudo", "kill", "-CONT", str(process))

    def went_on(self) -> None:
        """Wait until it makes progress after now."""
        before = self.output.count(self.progress)
        wait_for(lambda: self.output.count(self.progress) > before)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def finish(self) -> None:
        """End it: the input of REQ ends, the others get a Ctrl-C."""
        self.rest()
        assert self.process.stdin
        self.process.stdin.close()
        if self.service != "zmq-req" and self.process.poll() is None:
            end = "import os, signal; [os.kill(int(p), signal.SIGINT) for p in os.listdir('/proc')"
            end += " if p.isdigit() and int(p) not in (1, os.getpid()) and"
            end += " open(f'/proc/{p}/cmdline').read().startswith('python')]"
            in_container(self.service, end)
        assert self.process.wait(LIMIT) in (0, 137), self.output
        self.reader.join()
        assert "Traceback" not in self.output


@contextmanager
def client_of(server: str) -> Iterator[Client]:
    client = Client(*CLIENTS[server])
    try:
        client.went_on()
        client.went_on()
        yield client
        client.finish()
    finally:
        client.writing = False
        if client.process.poll() is None:
            client.process.kill()
            docker("restart", name(client.service))
    assert "Traceback" not in logs(server)
    if server == "zmq-rep":  # each line was answered, in order, though perhaps received twice
        replies = re.findall(r"Received: (message \d+)", client.output)
        assert replies == client.sent


def bound(service: str) -> None:
    """Wait until the server that runs now has said that it is bound."""
    wait_for(lambda: inspect(service)["State"]["Running"])
    ended = inspect(service)["State"]["FinishedAt"][:26]  # a slow engine notes the start too late

    def says() -> list[str]:
        said = run("docker", "logs", "-t", name(service)).stdout
        return [at for at in re.findall(BOUND, said) if at > ended]

    wait_for(says)


# --- the server goes and comes back -----------------------------------------------------------


def kill_9(service: str, client: Client) -> None:
    before = inspect(service)
    init = str(before["State"]["Pid"])
    run("sudo", "pkill", "-STOP", "-P", init)  # the script: a request stays with it, unanswered
    client.unanswered()
    with client.patient():
        run("sudo", "kill", "-9", init)
        wait_for(lambda: inspect(service)["RestartCount"] > before["RestartCount"])
        bound(service)


def stop_start(service: str, client: Client) -> None:
    client.rest()
    docker("stop", name(service))
    assert in_container(client.service, LOOK_FOR.format(service))  # as the clients do meanwhile
    docker("start", name(service))
    bound(service)


def restart(service: str, client: Client) -> None:
    client.rest()
    docker("restart", name(service))
    bound(service)


def pause_unpause(service: str, client: Client) -> None:
    pause(name(service))
    client.unanswered()
    with client.patient():
        docker("unpause", name(service))


def another_address(service: str, client: Client) -> None:
    """Give the server's address to another container while it is stopped."""
    (network,) = inspect("zmq-rep")["NetworkSettings"]["Networks"]
    before = address(service)
    client.rest()
    docker("stop", name(service))
    taken = []
    try:
        for _ in range(20):
            run_one = f"docker run -d --rm --init --network {network} praktikum-zmq sleep infinity"
            taken.append(run(*run_one.split()).stdout.strip())
            if run("docker", "inspect", "-f", FIRST_ADDRESS, taken[-1]).stdout.strip() == before:
                break
        docker("start", name(service))
        assert address(service) != before
        bound(service)
    finally:
        run("docker", "rm", "-f", *taken)


FIRST_ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


def address(service: str) -> str:
    return run("docker", "inspect", "-f", FIRST_ADDRESS, name(service)).stdout.strip()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "fault", [kill_9, stop_start, restart, pause_unpause, another_address], ids=lambda f: f.__name__
)
def test_the_client_goes_on(fault: Callable[[str, Client], None], server: str) -> None:
    before = len(jobs_handed_out())
    with client_of(server) as client:
        fault(server, client)
        client.write()
        client.went_on()
        if server == "zmq-push":  # each job was done, once, and in order
            handed = "".join(jobs_handed_out()[before:])
            wait_for(lambda: len(DONE.findall(client.output)) >= len(handed))
            done = "".join(DONE.findall(client.output))
            # In the very moment in which the dispatcher stops, one may be named and not sent, or
            # sent and not named.
            last = len(jobs_handed_out(until=" bound to ")[before:])
            stop = "[1-5]{0,2}" if last else ""
            assert re.match(handed[: max(last - 1, 0)] + stop + handed[last:], done), (handed, done)


def test_a_name_that_is_down_is_told_at_once() -> None:
    """While it waits for the answer, ZeroMQ cannot connect to what has come back meanwhile."""
    docker("stop", name("zmq-pub"))
    assert in_container("zmq-sub", LOOK_FOR.format("zmq-pub")) == "not there\n"
    docker("start", name("zmq-pub"))


# --- the network goes and comes back ----------------------------------------------------------


@contextmanager
def clients_of_all() -> Iterator[list[Client]]:
    with client_of("zmq-rep") as req, client_of("zmq-pub") as sub, client_of("zmq-push") as pull:
        yield [req, sub, pull]


@pytest.mark.parametrize("side", ["client", "server"])
@pytest.mark.parametrize("away", [1.5, 4, 10])
@pytest.mark.parametrize("server", SERVERS)
def test_the_network_is_taken_and_given_back(server: str, away: float, side: str) -> None:
    """TCP repeats what was sent meanwhile after 0.2, 0.6, 1.4 and 3 s, so at most 1.6 s later.

    After 4 s keep-alive has given the connection up, and a new one is made at once.
    """
    (network,) = inspect("zmq-rep")["NetworkSettings"]["Networks"]
    with client_of(server) as client:
        client.rest()
        service = server if side == "server" else client.service
        run("docker", "network", "disconnect", network, name(service))
        client.write()  # what is asked meanwhile is asked again
        if away > 2:
            client.unanswered()
        with client.patient():
            time.sleep(away)
            run("docker", "network", "connect", "--alias", service, network, name(service))
        client.went_on()


def in_network_of(service: str, *command: str) -> list[str]:
    """Return a command that runs in the network namespace of a container."""
    return ["sudo", "nsenter", "-t", str(inspect(service)["State"]["Pid"]), "-n", *command]


def vanish(*services: str) -> None:
    """End containers without a FIN or RST that tells anyone."""
    for service in services:
        for chain, way in ("INPUT", "-i"), ("OUTPUT", "-o"):
            drop = in_network_of(service, "iptables", "-A", chain, way, "eth0", "-j", "DROP")
            assert run(*drop).returncode == 0
    run("docker", "kill", *map(name, services))


def test_servers_vanish_without_a_fin() -> None:
    """Keep-alive gives the connection up after 4 s; REQ asks again after 2.5 s."""
    with clients_of_all() as clients:
        clients[0].rest()
        vanish(*SERVERS)
        docker("start", *map(name, SERVERS))
        for client, server in zip(clients, SERVERS, strict=True):
            bound(server)
            client.write()
            client.went_on()


@pytest.fixture
def fresh() -> None:
    """Containers whose networks no other test has taken apart."""
    up("--force-recreate")


def test_a_worker_vanishes_without_a_fin(fresh: None) -> None:
    with client_of("zmq-push") as worker:
        vanish("zmq-pull")
        handed = jobs_handed_out()
        table = in_network_of("zmq-push", "cat", "/proc/net/tcp")
        wait_for(lambda: not re.search(r":270F \S+ 01 ", run(*table).stdout))  # 9999, connected
        lost = jobs_handed_out()[len(handed) :]
        print(f"worker gone without a FIN: {len(lost)} jobs lost")
        (dispatcher,) = processes("zmq-push", "pushzmq.py")
        wait_for(lambda: asleep(dispatcher))
        assert 0 < len(lost) <= len(jobs_handed_out()[len(handed) :]) <= len(lost) + 1
        docker("start", name("zmq-pull"))
        assert worker.process.wait(LIMIT) == 137  # it went with its container


def jobs_handed_out(until: str = "\n") -> list[str]:
    """Return the jobs that the dispatcher has named until it last said something."""
    return re.findall(r"Job of (\d) s handed out", logs("zmq-push").rpartition(until)[0])


def test_a_bad_network_loses_nothing(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 ms more on each packet of the servers, and one in five lost.

    TCP has its usual patience with them, and REQ more than that: where several packets in turn
    are lost, or on a machine that is slow as well, a worker that acknowledged nothing for 6 s
    would be taken for gone, and so would a server that did not answer three times.
    """
    service, _script, progress = CLIENTS["zmq-rep"]
    monkeypatch.setitem(CLIENTS, "zmq-rep", (service, ["-c", PATIENT], progress))
    for service, key, value in (
        ("zmq-push", "tcp_retries2", 15),
        ("zmq-sub", "tcp_keepalive_time", 7200),
        ("zmq-pull", "tcp_keepalive_time", 7200),
    ):
        patient = f"echo {value} > /proc/sys/net/ipv4/{key}"
        assert run(*in_network_of(service, "sh", "-c", patient)).returncode == 0
    bad = []
    try:
        for server in SERVERS:
            program = str(ROOT / "tests/support/bad_network.py")
            bad.append(
                subprocess.Popen(
                    in_network_of(server, sys.executable, program, "0.2", "0.2"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            assert bad[-1].stdout and bad[-1].stdout.readline() == b"ready\n"
            rule = "-A OUTPUT -o eth0 -j NFQUEUE --queue-num 0"
            assert run(*in_network_of(server, "iptables", *rule.split())).returncode == 0
        with clients_of_all() as (req, sub, pull):
            for _ in range(5):
                for client in req, sub, pull:
                    client.went_on()
        trips = [float(ms) for ms in re.findall(r"\((\S+) ms\)", req.output)]
        print(f"bad network: {len(trips)} round trips of {min(trips):.0f} to {max(trips):.0f} ms")
        assert min(trips) > 200
        published = re.findall(r"Published: ('WAKTU .*)", logs("zmq-pub"))
        heard = re.findall(r"Received: ('WAKTU .*)", sub.output)
        assert "\n".join(heard) in "\n".join(published)  # each of them, in order
        done = "".join(DONE.findall(pull.output))
        assert done in "".join(jobs_handed_out())
    finally:
        for server in SERVERS:
            run(*in_network_of(server, "iptables", "-F", "OUTPUT"))
        for process in bad:
            process.communicate()  # the end of its input ends it


# --- a worker goes ----------------------------------------------------------------------------

# 0.25 to 1.25 s for a job, so that two workers fall behind; and a line when none is queued.
QUARTER = (
    "import zmq; receive = zmq.Socket.recv_multipart; zmq.Socket.recv_multipart = "
    "lambda socket: (socket.poll(0) or print('none is queued')) and None or receive(socket); "
) + FAST.replace("100", "4")


def test_a_killed_worker_loses_its_jobs_and_no_others() -> None:
    up("--no-recreate", "--scale", "zmq-pull=2")
    before = len(jobs_handed_out())
    stays, goes = (Client("zmq-pull", ["-c", QUARTER], " done", index) for index in (1, 2))
    try:

        def queued() -> int:  # at both, in turn
            done = DONE.findall(stays.output + goes.output)
            return len(jobs_handed_out()) - before - len(done)

        wait_for(lambda: goes.output.count(" done") >= 3 and queued() >= 20)
        docker("kill", name("zmq-pull", 2))
        assert goes.process.wait(LIMIT) == 137
        docker("stop", name("zmq-push"))
        handed = Counter(jobs_handed_out()[before:])
        wait_for(lambda: stays.lines[-1] == "none is queued")
        done = Counter(DONE.findall(stays.output + goes.output))
        lost = handed.total() - done.total()
        print(f"{handed.total()} jobs, {done.total()} done, {lost} lost with their worker")
        assert not done - handed  # none twice
        assert 1 < lost < handed.total() / 2  # the one under way and those queued there
        stays.finish()
    finally:
        for worker in stays, goes:
            worker.process.kill()
        docker("start", name("zmq-push"))
        up("--no-recreate", "--scale", "zmq-pull=1")


# --- the engine goes --------------------------------------------------------------------------


def test_the_lab_is_up_again_after_the_engine(loaded: Path, record_property: Record) -> None:
    """In an engine of the test's own: no one's containers are restarted."""
    own = "compose -f compose/zmq.yml".split()
    with engine(f"{PROJECT}-again", loaded) as started:
        started.docker(*own, "up", "-d", "--no-build")
        before = started.docker(*own, "ps", "-q")
        assert len(before.split()) == 6
        wait_for(lambda: started.docker(*own, "logs", "zmq-rep").count(" bound to ") == 1)
        started.stop()
        started.start()
        begin = time.monotonic()
        wait_for(lambda: started.docker(*own, "ps", "-q", "--status", "running") == before)
        wait_for(lambda: started.docker(*own, "logs", "zmq-rep").count(" bound to ") == 2)
        said = started.docker(*own, "exec", "-T", "zmq-req", "python", "clientzmq.py", "after")
        assert "Reply: 'Received: after'" in said
        record_property("the lab is up again after the engine", time.monotonic() - begin)
        started.docker(*own, "down", "--timeout", "5")
