"""Hostile peers at the three ports and at the three clients: nothing stops, grows or runs."""

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import hostile
from conftest import BUSY, ROOT, Script, press_ctrl_c, run
from test_lab import inspect, typed

Start = Callable[..., Script]
BOUND = 131_072  # KiB: the memory of a container
TRAP = Path("/tmp/owned")  # what is told to be executed would make this file
# The script at the port, what the attacker says it is, the honest client and what that says.
SERVERS = {
    "rep/serverzmq.py": ("REQ", "req/clientzmq.py", "Reply: 'World'"),
    "pub/pubzmq.py": ("SUB", "sub/subzmq.py", "\nReceived: 'WAKTU "),
    "push/pushzmq.py": ("PULL", "pull/pullzmq.py", ": job of"),
}
CLIENTS = {client: (SERVERS[server][0], server) for server, (_, client, _) in SERVERS.items()}
PEER = {"REQ": "REP", "SUB": "PUB", "PULL": "PUSH"}
LINES = (
    r"|.* (bound|connects) to .*|Request: ['\"].*['\"]|Published: '\w+ .*'"
    r"|Job of [1-5] s handed out|Reply: ['\"].*['\"] \(\d+\.\d\d ms\)"
    r"|No reply, attempt [123] of 3|Received: ['\"].*['\"]|Worker .*: job of [1-5] s .*"
    r"|Worker .*: refused what is not one pickled int from 1 to 60"
)


def is_unharmed(script: Script) -> None:
    """It runs, within its memory, has said only clear lines, and executed nothing."""
    assert script.process.poll() is None
    status = Path(f"/proc/{script.process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < BOUND
    said_clearly(script)


def said_clearly(script: Script) -> None:
    for line in set(script.output.split("\n")):
        assert line.isprintable()
        assert re.fullmatch(LINES, line), line[:200]
    assert not TRAP.exists()


def on_loopback(names: list[str]) -> list[str]:
    return [name for name in names if name != "20,000 long topics"]  # see the last test


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", on_loopback(list(hostile.attacks("REQ"))))
def test_a_hostile_peer_at_a_port(name: str, server: str, start: Start, endpoint: str) -> None:
    us, client, served = SERVERS[server]
    script = start(server, ZMQ_ENDPOINT=endpoint, ZMQ_INTERVAL="0.1")
    script.says("bound to")
    hostile.attack(("127.0.0.1", int(endpoint.rsplit(":")[-1])), name, us)
    honest = start(client, ZMQ_ENDPOINT=endpoint)
    honest.says(served)
    is_unharmed(script)
    script.process.send_signal(signal.SIGINT)
    try:
        code = script.process.wait(10)
    except subprocess.TimeoutExpired:
        # ZeroMQ was at work when the signal came, as on the rest of a million frames, and then
        # waits as if there had been none. Who sees that nothing happens presses Ctrl-C again.
        script.process.send_signal(signal.SIGINT)
        code = script.process.wait(50)
    assert code == 0
    assert script.errors == ""


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", [n for n in hostile.attacks("REP") if "500" not in n])
def test_a_hostile_server_at_a_client(name: str, client: str, start: Start, endpoint: str) -> None:
    """Nothing grows, runs or is obeyed, and the client works when it is started again.

    The one that was attacked may hear nothing more: ZeroMQ does not return to a peer that broke
    the protocol, by design, and no script works around that.
    """
    us, server = CLIENTS[client]
    listener = socket.create_server(("127.0.0.1", int(endpoint.rsplit(":")[-1])))
    attacker = threading.Thread(target=hostile.serve, args=[listener, name, PEER[us]])
    attacker.start()
    script = start(client, ZMQ_ENDPOINT=endpoint)
    attacker.join()
    honest = start(server, ZMQ_ENDPOINT=endpoint, ZMQ_INTERVAL="0.1")
    honest.says("bound to")
    if client.startswith("req"):  # it is served, or says that it is not
        assert script.ends() in (0, 1)
        said_clearly(script)
        expected = rf"|clientzmq\.py: no reply from {endpoint}: is the server running\?\n"
        assert re.fullmatch(expected, script.errors)
    else:
        is_unharmed(script)
        assert script.interrupt() == 0
        assert script.errors == ""
    start(client, ZMQ_ENDPOINT=endpoint).says(SERVERS[server][2])


BOUNDS = {"rep": 16384, "req": 65536, "pub": 1024, "sub": 65536, "push": 1024, "pull": 65536}


@pytest.mark.parametrize("script", [*SERVERS, *CLIENTS])
@pytest.mark.parametrize("over", [0, 1])
def test_a_frame_over_the_bound(script: str, over: int, start: Start, endpoint: str) -> None:
    """Its size alone ends the connection, before a byte of it is read; the largest is taken."""
    address = "127.0.0.1", int(endpoint.rsplit(":")[-1])
    us = PEER[CLIENTS[script][0]] if script in CLIENTS else SERVERS[script][0]
    if script in SERVERS:
        start(script, ZMQ_ENDPOINT=endpoint).says("bound to")
        connection = socket.create_connection(address)
    else:
        with socket.create_server(address) as listener:
            start(script, ZMQ_ENDPOINT=endpoint)
            connection = listener.accept()[0]
    with connection:
        connection.settimeout(1)
        connection.sendall(hostile.handshake(us))
        heard = b""
        while b"READY" not in heard:
            heard += connection.recv(1000)
        size = BOUNDS[script.partition("/")[0]] + over
        connection.sendall(b"\2" + size.to_bytes(8))
        try:
            while connection.recv(1000):  # the rest of READY, a subscription, a request, a job
                pass
            hung_up = True
        except ConnectionResetError:
            hung_up = True
        except TimeoutError:
            hung_up = False
    assert hung_up == bool(over)


# --- hostile words in the student's own hands ---------------------------------------------------

OBEYED = "\x1b]0;owned\x07\x1b[31m\x9b\r\u202e"


def test_arguments_that_a_terminal_would_obey(start: Start, endpoint: str) -> None:
    server = start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    client = start("req/clientzmq.py", OBEYED + "\udcff", ZMQ_ENDPOINT=endpoint)
    assert client.ends() == 0
    subscriber = start("sub/subzmq.py", OBEYED, ZMQ_ENDPOINT="tcp://127.0.0.1:1")
    subscriber.says("connects to")
    for script in server, client, subscriber:
        assert all(line.isprintable() for line in script.output.split("\n"))
        assert script.errors == ""
    assert "x1b]0;owned" in server.output + subscriber.output


# --- on the real containers -------------------------------------------------------------------

HEAVY = ["many large messages, nothing read", "a message without end", "a million tiny frames"]


@pytest.mark.parametrize(
    ("service", "port", "us", "names", "client"),
    [
        ("zmq-rep", 5555, "REQ", HEAVY, ("zmq-req", "clientzmq.py", "Reply: 'World'")),
        (
            "zmq-pub",
            12345,
            "SUB",
            [*HEAVY, "20,000 long topics"],
            ("zmq-sub", "subzmq.py", "WAKTU"),
        ),
        ("zmq-push", 9999, "PULL", HEAVY, ("zmq-pull", "pullzmq.py", "job of")),
    ],
)
def test_what_is_heavy_stays_in_its_container(
    service: str, port: int, us: str, names: list[str], client: tuple[str, str, str], lab: None
) -> None:
    """No option of ZeroMQ bounds how many topics, or frames of a message, a peer sends.

    Then the container's memory does: the engine ends the script and starts it anew.
    """
    before = inspect(service)["RestartCount"]
    (network,) = inspect(service)["NetworkSettings"]["Networks"]
    attacker = (
        f"docker run --rm -i --network {network} praktikum-zmq python - {service} {port} {us}"
    )
    done = run(*attacker.split(), *names, input=(ROOT / "tests/hostile.py").read_text())
    assert done.stdout.splitlines() == names, done.stderr
    honest = typed(f"docker compose -f compose/zmq.yml exec {client[0]} python {client[1]}")
    honest.expect(client[2], timeout=5 * BUSY)
    press_ctrl_c(honest)
    state = inspect(service)
    print(f"{service}: ended for its memory {state['RestartCount'] - before} times")
    assert state["State"]["Running"]
    sizes = run("sudo", "sh", "-c", f"wc -c {state['LogPath']}*").stdout
    assert int(sizes.split()[-2]) < 2_100_000  # bytes: two files of 1 MB


# --- the reader of captures -------------------------------------------------------------------

PORTS = "tcp port {} or tcp port {} or tcp port {}"


def test_the_reader_outlives_all_of_it(start: Start, tmp_path: Path) -> None:
    capture, page = tmp_path / "hostile.pcap", tmp_path / "page.html"
    ports = []
    for _ in SERVERS:
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    tcpdump = subprocess.Popen(
        [*"sudo tcpdump -i lo -U -B 65536 -w".split(), str(capture), PORTS.format(*ports)],
        stderr=subprocess.PIPE,
    )
    assert tcpdump.stderr and b"listening" in tcpdump.stderr.readline()
    for port, (server, (us, client, _)) in zip(ports, SERVERS.items(), strict=True):
        address = f"tcp://127.0.0.1:{port}"
        script = start(server, ZMQ_ENDPOINT=address)
        script.says("bound to")
        for name, connections in hostile.attacks(us).items():
            if sum(map(len, connections)) < 1_000_000 and "500" not in name:
                hostile.attack(("127.0.0.1", port), name, us)
        assert script.interrupt() == 0
        for name in "text", "commands", "pickles", "no such mechanism":
            listener = socket.create_server(("127.0.0.1", port))
            script = start(client, ZMQ_ENDPOINT=address)
            hostile.serve(listener, name, PEER[us])
            script.process.kill()
            script.process.wait()
    run("sudo", "kill", str(tcpdump.pid))
    tcpdump.wait(10)
    reader = [sys.executable, str(ROOT / "wire/wirezmq.py"), str(capture)]
    for port, pattern in zip(ports, ["REQ-REP", "PUB-SUB", "PUSH-PULL"], strict=True):
        reader += ["--port", f"{port}={pattern}"]
    for form in [], ["--all"], ["--check"], ["--json"], ["--html", str(page)]:
        told = run(*reader, *form)
        assert told.returncode == 0 or form == ["--check"]
        assert told.stderr in ("", f"{page}: written, for a browser\n")
        for line in told.stdout.splitlines():
            assert line.isprintable()
        assert form not in ([], ["--all"], ["--json"]) or "<script>alert(1)" in told.stdout
    text = page.read_text()
    assert "alert(1)" in text and "<script>alert" not in text and "<img src=x" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text)
