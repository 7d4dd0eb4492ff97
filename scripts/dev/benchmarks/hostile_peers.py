"""Hostile peers at the three ports: how soon an honest client is served again."""

import statistics
import time

import hostile
from benchmarks.harness import (
    CLIENTS,
    LAB,
    ROOT,
    SERVERS,
    ctrl_c,
    down,
    row,
    run,
    typed,
    up,
    wait_for,
)
from benchmarks.scripts import on_loopback

TURNS = 3
# What the attacker says it is, the server, the honest client and what that says when it is served.
PAIRS = [
    ("REQ", "rep/serverzmq.py", "req/clientzmq.py", "Reply: "),
    ("SUB", "pub/pubzmq.py", "sub/subzmq.py", "Received: "),
    ("PULL", "push/pushzmq.py", "pull/pullzmq.py", "job of"),
]
MANY = 1_000_000  # frames, where many come
HEAVY = ["many large messages, nothing read", "a message without end", "many tiny messages"]
TOPICS = "many long topics"  # a matter of the container's memory


def hostile_peers() -> None:
    """Attack each server on loopback in every way, and in its container with what is heavy."""
    for us, server, client, says in PAIRS:
        served: dict[str, float] = {}
        ended: dict[str, float] = {}
        for name in hostile.attacks(us):
            if name != TOPICS:
                turns = [attacked(us, server, client, says, name) for _ in range(TURNS)]
                served[name], ended[name] = map(statistics.median, zip(*turns, strict=True))
        for what, times, goal in ("served", served, "<= 5 s"), ("Ctrl-C", ended, "<= 10 s"):
            worst = max(times, key=lambda name: times[name])
            row(f"{server}: {what} after {worst}", times[worst], "s", goal)
    for (us, _, _, says), service, idle in zip(PAIRS, SERVERS, CLIENTS, strict=True):
        took = [in_its_container(us, service, idle, says) for _ in range(TURNS)]
        row(f"{service}: served after what is heavy", statistics.median(took), "s", "<= 5 s")
    down()


def attacked(us: str, server: str, client: str, says: str, name: str) -> tuple[float, float]:
    """Return the seconds until a client is served after an attack, and those of Ctrl-C then."""
    with on_loopback() as (start, port):
        script = start(server, ZMQ_INTERVAL="0.1")
        script.says("bound to")
        hostile.attack(("127.0.0.1", port), name, us, MANY)
        begin, honest = time.perf_counter(), start(client)

        def served() -> bool:
            nonlocal honest
            gave_up = honest.process.poll() is not None
            if says not in honest.text() and gave_up:  # as REQ does after 7.5 s
                honest = start(client)
            return says in honest.text()

        wait_for(served, f"{client} to be served after {name}")
        return time.perf_counter() - begin, script.interrupt()


def in_its_container(us: str, service: str, idle: str, says: str) -> float:
    """Return the seconds until a client is served after all heavy attacks, one by one.

    The containers are new: the engine waits the longer, the more often one was started again.
    """
    up("--force-recreate")
    container = run(*LAB, "ps", "-q", service).strip()
    network = run("docker", "inspect", "-f", "{{.HostConfig.NetworkMode}}", container).strip()
    begin = ["docker", "run", "--rm", "-i", "--network", network, "praktikum-zmq", "python", "-"]
    port = {"REQ": "5555", "SUB": "12345", "PULL": "9999"}[us]
    names = [*HEAVY, TOPICS] if us == "SUB" else HEAVY
    attack = [*begin, service, port, us, str(MANY), *names]
    run(*attack, text=(ROOT / "tests/support/hostile.py").read_text())
    script = {"zmq-req": "clientzmq.py", "zmq-sub": "subzmq.py", "zmq-pull": "pullzmq.py"}[idle]
    started = time.perf_counter()
    client = typed(*LAB, "exec", idle, "python", script)
    client.expect(says)
    took = time.perf_counter() - started
    ctrl_c(client)
    return took
