"""The lab beside six containers that only sleep: start, stop, size, memory, Ctrl-C."""

import json
import re
import statistics
import tempfile
import time

from benchmarks.harness import (
    CLIENTS,
    LAB,
    ROOT,
    SERVERS,
    TIMES,
    bound,
    ctrl_c,
    down,
    row,
    run,
    seconds,
    typed,
    up,
    wait_for,
)

SLEEPERS = """
name: praktikum-bench
x-sleeper: &sleeper { image: praktikum-zmq, command: [sleep, infinity], init: true }
services: { a: *sleeper, b: *sleeper, c: *sleeper, d: *sleeper, e: *sleeper, f: *sleeper }
"""
# What a client is typed as, and what it says before a Ctrl-C.
TYPED = {
    "zmq-req": (["clientzmq.py"], "> "),
    "zmq-sub": (["subzmq.py"], "Received: "),
    "zmq-pull": (["pullzmq.py"], r"job of \d s "),
}


def lab() -> None:
    """Start and stop the lab; look at sizes; press Ctrl-C."""
    start_and_stop()
    size()
    up()
    for service, (words, said) in TYPED.items():
        times = []
        for _ in range(TIMES):
            terminal = typed(*LAB, "exec", service, "python", *words)
            terminal.expect(said)
            times.append(ctrl_c(terminal))
        row(f"Ctrl-C of {words[0]} in its container", statistics.median(times), "s", "<= 1 s")
    row("a server that died serves again", statistics.median(comes_back()), "s", "<= 20 s")
    memory()
    down()
    with tempfile.TemporaryDirectory() as stick:
        packed = [seconds(ROOT / "scripts/pack", cwd=stick) for _ in range(TIMES)]
    row("scripts/pack", statistics.median(packed), "s", "<= 60 s")


def start_and_stop() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(SLEEPERS)
        file.flush()
        sleepers = ["docker", "compose", "-f", file.name]
        ups, downs, stops, sleeps = [], [], [], []
        for _ in range(TIMES):
            sleeps.append(seconds(*sleepers, "up", "-d"))
            run(*sleepers, "down")
            ups.append(seconds(*LAB, "up", "-d"))
            bound()
            stops += [seconds(*LAB, "stop", service) for service in SERVERS]
            run(*LAB, "start")
            bound(2)
            downs.append(seconds(*LAB, "down"))
    beside = "six sleepers", statistics.median(sleeps)
    row("up -d, image built", statistics.median(ups), "s", "<= 1.5", beside)
    row("down", statistics.median(downs), "s", "<= 3 s")
    row("stop of one script", statistics.median(stops), "s", "<= 1 s")


def base_image() -> str:
    """Return the image that the lab's is built on: the official one, or its stand-in."""
    services = json.loads(run(*LAB, "config", "--format", "json"))["services"]
    return str(services["zmq-rep"]["build"]["args"]["BASE"])


def tools() -> str:
    """Return the name of the tests' image, built now: tshark and a browser."""
    name = "praktikum-zmq-tshark"
    run("docker", "build", "-q", "-t", name, "--build-arg", f"BASE={base_image()}", "tests")
    return name


def size() -> None:
    ours, base = (
        int(run("docker", "image", "inspect", "-f", "{{.Size}}", image)) / 1e6
        for image in ("praktikum-zmq", base_image())
    )
    row("image, over its base", ours - base, "MB", "<= 15 MB")


def comes_back() -> list[float]:
    """Kill the REP server, in its own way, and return the seconds until a client has its reply."""
    took: list[float] = []
    container = run(*LAB, "ps", "-q", "zmq-rep").strip()

    def anew() -> bool:
        return int(run("docker", "inspect", "-f", "{{.RestartCount}}", container)) > len(took)

    for _ in range(TIMES):
        begin = time.perf_counter()
        run(*LAB, "exec", "-d", "zmq-rep", "python", "-c", "import os; os.kill(1, 15)")
        wait_for(anew, "the engine to start it anew")
        run(*LAB, "exec", "-T", "zmq-req", "python", "clientzmq.py", "back")
        took.append(time.perf_counter() - begin)
        time.sleep(10)  # or the engine doubles its wait, as after each of several deaths in a row
    return took


def memory() -> None:
    for what, services, most in ("idles", CLIENTS, 2), ("runs a script", SERVERS, 20):
        containers = run(*LAB, "ps", "-q", *services).split()
        used = []
        for _ in range(TIMES):
            stats = run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *containers)
            used.append(max(megabytes(line.split()[0]) for line in stats.splitlines()))
        middle = statistics.median(used)
        row(f"memory of a container that {what}", middle, "MB", f"< {most} MB")


def megabytes(size: str) -> float:
    """Read a size as `docker stats` gives it: "9.6MiB"."""
    found = re.fullmatch(r"([\d.]+)(\w+)", size)
    assert found
    return float(found[1]) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[found[2]] / 1e6
