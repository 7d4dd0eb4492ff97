"""Hostile peers at the three ports and at the three clients: nothing stops, grows or runs."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

import hostile
from conftest import COMPOSE, LIMIT, ROOT, Script, press_ctrl_c, run, wait_for
from terminals import ends, exec_typed, inspect, process

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
    r"|.* (bound|connects) to .*|.* stopped|Request: ['\"].*['\"]|Published: '\w+ .*'"
    r"|Job of [1-5] s handed out|Reply: ['\"].*['\"] \(\d+\.\d\d ms\)"
    r"|No reply, attempt [123] of 3|Received: ['\"].*['\"]|Worker .*: job of [1-5] s .*"
    r"|Worker .*: refused what is not one pickled int from 1 to 60"
)


def is_unharmed(script: Script) -> None:
    """It runs, and within its memory."""
    assert script.process.poll() is None
    status = Path(f"/proc/{script.process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < BOUND


def said_clearly(script: Script) -> None:
    """It has said only clear lines, and executed nothing."""
    for line in set(script.output.split("\n")):
        assert line.isprintable()
        assert re.fullmatch(LINES, line), line[:200]
    assert not TRAP.exists()


def served(us: str, endpoint: str) -> None:
    """Wait until an honest peer has what it came for, however long the server reads a flood.

    REQ asks again, as the client does: ZeroMQ drops the first reply after a request that it cannot
    read, if who sent that is gone.
    """
    with zmq.Context() as context:
        context.linger = 0

        def heard() -> int:
            with context.socket(getattr(zmq, us)) as honest:
                if us == "SUB":
                    honest.subscribe("WAKTU")
                honest.connect(endpoint)
                if us == "REQ":
                    honest.send(b"Hello")
                return honest.poll(2500 if us == "REQ" else 1000 * LIMIT)

        wait_for(heard)


@pytest.mark.parametrize("server", SERVERS)
def test_hostile_peers_at_a_port(server: str, start: Start, endpoint: str) -> None:
    us, client, said = SERVERS[server]
    script = start(server, ZMQ_ENDPOINT=endpoint, ZMQ_INTERVAL="0.1")
    script.says("bound to")
    for name in hostile.attacks(us):
        if name != "many long topics":  # see the test on the real containers
            print(name)
            hostile.attack(("127.0.0.1", int(endpoint.rsplit(":")[-1])), name, us)
            served(us, endpoint)
            is_unharmed(script)
    start(client, ZMQ_ENDPOINT=endpoint).says(said)
    assert script.interrupt() == 0
    said_clearly(script)
    assert script.errors == ""


@pytest.mark.parametrize("client", CLIENTS)
def test_hostile_servers_at_a_client(client: str, start: Start, endpoint: str) -> None:
    """Nothing grows, runs or is obeyed, and the client works when it is started again.

    The one that was attacked may hear nothing more: ZeroMQ does not return to a peer that broke
    the protocol, by design, and no script works around that.
    """
    us, server = CLIENTS[client]
    attacks = [name for name in hostile.attacks(PEER[us]) if "500" not in name]
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in attacks]
    ports = [listener.getsockname()[1] for listener in listeners]
    attackers = [
        threading.Thread(target=hostile.serve, args=[listener, name, PEER[us]])
        for listener, name in zip(listeners, attacks, strict=True)
    ]
    scripts = [start(client, ZMQ_ENDPOINT=f"tcp://127.0.0.1:{port}") for port in ports]
    for attacker in attackers:
        attacker.start()
    for name, attacker, script, port in zip(attacks, attackers, scripts, ports, strict=True):
        attacker.join()
        print(name)
        if client.startswith("req"):  # it is served, or says that it is not
            assert script.ends() in (0, 1)
            gave_up = f"no reply from tcp://127.0.0.1:{port}: is the server running?"
            assert script.errors in ("", f"clientzmq.py: {gave_up}\n")
        else:
            is_unharmed(script)
            assert script.interrupt() == 0
            assert script.errors == ""
        said_clearly(script)
    start(server, ZMQ_ENDPOINT=endpoint, ZMQ_INTERVAL="0.1").says("bound to")
    start(client, ZMQ_ENDPOINT=endpoint).says(SERVERS[server][2])


def test_req_gives_up_on_a_server_that_breaks_the_protocol(start: Start) -> None:
    """ZeroMQ drops its connection for good: there is nothing to send the next request to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        asked = start("req/clientzmq.py", "satu", ZMQ_ENDPOINT=endpoint)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(hostile.handshake("REP"))
            heard = b""
            while b"Hello" not in heard:
                heard += connection.recv(4096)
            reply = hostile.frame(b"", 1) + hostile.frame(b"World")
            connection.sendall(reply + b"\xff" * 64)
            asked.says("Reply: 'World'")
            assert asked.ends() == 1
    assert asked.errors == f"clientzmq.py: no reply from {endpoint}: is the server running?\n"


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
    size = BOUNDS[script.partition("/")[0]] + over
    delimiter = b"\1\0" if us in ("REQ", "REP") else b""
    with connection:
        connection.settimeout(LIMIT)
        connection.sendall(hostile.handshake(us))
        heard = hear(connection, b"READY")
        if us == "REP":  # which asks before it is answered
            hear(connection, b"Hello", heard)
        connection.sendall(delimiter + b"\2" + size.to_bytes(8))
        if over:
            hung_up(connection)
        else:  # whoever has taken it answers the PING behind it
            connection.sendall(bytes(size) + hostile.command(b"PING", b"\0\0"))
            assert hear(connection, b"PONG")


def hear(connection: socket.socket, word: bytes, heard: bytes = b"") -> bytes:
    """Receive until a word has come; return all that has."""
    while word not in heard:
        more = connection.recv(1000)
        assert more, "hung up"
        heard += more
    return heard


def hung_up(connection: socket.socket) -> None:
    """Receive until the other side ends the connection."""
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(1000):
            pass


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

HEAVY = ["many large messages, nothing read", "a message without end", "many tiny messages"]
MANY = "30000"  # so many lines are more than the engine keeps of a log


@pytest.mark.parametrize(
    ("service", "port", "us", "names", "client"),
    [
        ("zmq-rep", 5555, "REQ", HEAVY, ("zmq-req", "clientzmq.py", "Reply: 'World'")),
        ("zmq-pub", 12345, "SUB", [*HEAVY, "many long topics"], ("zmq-sub", "subzmq.py", "WAKTU ")),
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
    attacker = f"docker run --rm -i --network {network} praktikum-zmq python -"
    attack = [*attacker.split(), service, str(port), us, MANY]
    done = run(*attack, *names, input=(ROOT / "tests/support/hostile.py").read_text())
    assert done.stdout.splitlines() == names, done.stderr
    if us == "REQ":  # it may give up while the server still reads
        ask = [*COMPOSE, "exec", "-T", client[0], "python", client[1]]
        wait_for(lambda: client[2] in run(*ask, stdin=subprocess.DEVNULL).stdout)
    else:
        honest = exec_typed(client[0], f"python {client[1]}")
        honest.expect(client[2])
        press_ctrl_c(honest, process(client[0], client[1]))
        assert ends(honest) == 0
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
        for name in hostile.attacks(us):
            if "500" not in name and "many" not in name and "without end" not in name:
                hostile.attack(("127.0.0.1", port), name, us)
        assert script.interrupt() == 0
        for name in "text", "commands", "pickles", "no such mechanism":
            listener = socket.create_server(("127.0.0.1", port))
            script = start(client, ZMQ_ENDPOINT=address)
            hostile.serve(listener, name, PEER[us])
            script.process.kill()
            script.process.wait()
    run("sudo", "kill", str(tcpdump.pid))
    tcpdump.wait(LIMIT)
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
