"""What goes wrong in a classroom, done to the real containers: how soon each client goes on."""

import json
import re
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks.clients import Client, at_work
from benchmarks.harness import LAB, SERVERS, down, interval, row, run, up, wait_for

TURNS = 3
NAMES = {"zmq-rep": "REQ", "zmq-pub": "SUB", "zmq-push": "PULL"}
# What REQ asked a server that is gone, it asks again after 2.5 s, on a new connection.
SOON = {"zmq-rep": "<= 2.6 s", "zmq-pub": "< 2 s", "zmq-push": "< 2 s"}
# What is done to the three servers, or to the network; it returns since when each client can go on.
Fault = Callable[[list[Client]], dict[str, float]]
# Prints in how many seconds a name is found not to be there.
LOOK_FOR = """
import socket, time
begin = time.monotonic()
try:
    socket.gethostbyname("zmq-pub")
except socket.gaierror:
    print(time.monotonic() - begin)
"""


def faults() -> None:
    """Time each client, with ten messages and ten jobs a second."""
    with interval(0.1):
        up("--force-recreate")
        slowest(
            "after a fault of its server", [kill_9, stop_start, restart, pause, another_address]
        )
        ways = [taken(side, away) for side in (0, 1) for away in (1.5, 4, 10)]
        slowest("once its network is back", ways)
        slowest("after a server gone without FIN", [vanish])
        noticed, lost = zip(*(worker_vanishes() for _ in range(TURNS)), strict=True)
        row("PUSH notices a worker gone without FIN", statistics.median(noticed), "s", "< 10 s")
        row("  jobs that are lost with it", statistics.median(lost), "jobs", "<= 101 jobs")
        run(*LAB, "stop", "zmq-pub")
        look = [*LAB, "exec", "-T", "zmq-sub", "python", "-c", LOOK_FOR]
        told = statistics.median(float(run(*look)) for _ in range(TURNS))
        row("a name that is down is told", told, "s", "< 0.2 s")
        down()


def slowest(what: str, ways: list[Fault]) -> None:
    """Print for each client the median after the fault that it needs longest after."""
    worst = dict.fromkeys(SERVERS, 0.0)
    for fault in ways:
        turns = [late(fault) for _ in range(TURNS)]
        for server in SERVERS:
            took = statistics.median(turn[server] for turn in turns)
            worst[server] = max(worst[server], took)
    for server, took in worst.items():
        row(f"{NAMES[server]} goes on {what}", took, "s", SOON[server])


def late(fault: Fault) -> dict[str, float]:
    """Return how many seconds after it could each client goes on."""
    with at_work() as clients:
        since = fault(clients)
        return {client.server: client.went_on(since[client.server]) for client in clients}


def inspect(service: str) -> Any:
    return json.loads(run("docker", "inspect", name(service)))[0]


def name(service: str) -> str:
    return run(*LAB, "ps", "-a", "--format", "{{.Name}}", service).strip()


def bound(clients: list[Client], after: float) -> dict[str, float]:
    """Wait until each server has said again that it is bound, and return when that was.

    REQ, if it rested, is given lines from then on.
    """
    since = {server: again(server, after) for server in SERVERS}
    if not clients[0].writing.is_set():
        clients[0].write()
        since["zmq-rep"] = time.time()
    return since


def again(server: str, after: float) -> float:
    wait_for(lambda: stamps(server, "bound to", after), f"{server} to be bound")
    return stamps(server, "bound to", after)[-1]


def stamps(server: str, words: str, after: float) -> list[float]:
    """Return when a server has said this, after a time."""
    logs = run("docker", "logs", "-t", name(server))
    found = re.findall(rf"^(\S{{26}})\d*Z .*{words}", logs, re.M)
    times = [datetime.fromisoformat(f"{at}+00:00").timestamp() for at in found]
    return [at for at in times if at > after]


# --- the servers go and come back ---------------------------------------------------------------


def kill_9(clients: list[Client]) -> dict[str, float]:
    inits = [str(inspect(server)["State"]["Pid"]) for server in SERVERS]
    run("sudo", "pkill", "-STOP", "-P", ",".join(inits))  # a request stays with it, unanswered
    time.sleep(0.5)
    killed = time.time()
    run("sudo", "kill", "-9", *inits)
    return bound(clients, killed)


def stop_start(clients: list[Client]) -> dict[str, float]:
    clients[0].rest()
    run(*LAB, "stop", *SERVERS)
    stopped = time.time()
    time.sleep(1)  # long enough that clients look for a name that is not there
    run(*LAB, "start", *SERVERS)
    return bound(clients, stopped)


def restart(clients: list[Client]) -> dict[str, float]:
    clients[0].rest()
    begun = time.time()
    run(*LAB, "restart", *SERVERS)
    return bound(clients, begun)


def pause(clients: list[Client]) -> dict[str, float]:
    run(*LAB, "pause", *SERVERS)
    time.sleep(3)  # longer than REQ waits for a reply
    run(*LAB, "unpause", *SERVERS)
    return dict.fromkeys(SERVERS, time.time())


def another_address(clients: list[Client]) -> dict[str, float]:
    """Give the servers' addresses to other containers while they are stopped."""
    clients[0].rest()
    before = [address(name(server)) for server in SERVERS]
    run(*LAB, "stop", *SERVERS)
    stopped = time.time()
    other = ["docker", "run", "-d", "--rm", "--init", "--network", network(), "praktikum-zmq"]
    taken: list[str] = []
    try:
        while not set(before) <= {address(container) for container in taken}:
            taken.append(run(*other, "sleep", "infinity").strip())
        run(*LAB, "start", *SERVERS)
        return bound(clients, stopped)
    finally:
        run("docker", "rm", "-f", *taken)


def network() -> str:
    """Return the name of the lab's network."""
    (found,) = inspect("zmq-rep")["NetworkSettings"]["Networks"]
    return str(found)


def address(container: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return run("docker", "inspect", "-f", form, container).strip()


# --- the network goes and comes back ------------------------------------------------------------


def taken(side: int, away: float) -> Fault:
    """Take the network of the servers (0) or of the clients (1) for so many seconds."""

    def fault(clients: list[Client]) -> dict[str, float]:
        lab, since = network(), {}
        if away > 7:
            clients[0].rest()
        services = [(client.server, client.service)[side] for client in clients]
        for service in services:
            run("docker", "network", "disconnect", lab, name(service))
        time.sleep(away)
        for client, service in zip(clients, services, strict=True):
            run("docker", "network", "connect", "--alias", service, lab, name(service))
            since[client.server] = time.time()
            client.write()
        return since

    return fault


def vanish(clients: list[Client]) -> dict[str, float]:
    """End the servers without a FIN or RST; keep-alive gives a connection up after 4 s."""
    clients[0].rest()
    gone = kill_silently(*SERVERS)
    run(*LAB, "start", *SERVERS)
    since = bound(clients, gone)
    return {
        server: back if server == "zmq-rep" else max(back, gone + 4)
        for server, back in since.items()
    }


def kill_silently(*services: str) -> float:
    """Kill containers from which nothing comes any more; return when."""
    for service in services:
        inside = ["sudo", "nsenter", "-t", str(inspect(service)["State"]["Pid"]), "-n"]
        for chain, way in ("INPUT", "-i"), ("OUTPUT", "-o"):
            run(*inside, "iptables", "-A", chain, way, "eth0", "-j", "DROP")
    gone = time.time()
    run("docker", "kill", *map(name, services))
    return gone


def worker_vanishes() -> tuple[float, int]:
    """Return how long the dispatcher goes on without its worker, and how many jobs are lost."""
    with at_work():
        gone = kill_silently("zmq-pull")

        def lost() -> list[float]:
            return stamps("zmq-push", "handed out", gone)

        # It hands out ten a second.
        wait_for(lambda: time.time() - max([gone, *lost()]) > 2, "the dispatcher to notice")
        return max(lost()) - gone, len(lost())
