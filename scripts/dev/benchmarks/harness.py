"""What the parts of the bench share: commands, the lab, a key on a terminal, and the table."""

import operator
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

ROOT = Path(__file__).parents[3]
WIRE = ROOT / "wire/wirezmq.py"
LAB = ["docker", "compose", "--ansi", "never", "-f", "compose/zmq.yml"]
SERVERS = ["zmq-rep", "zmq-pub", "zmq-push"]
CLIENTS = ["zmq-req", "zmq-sub", "zmq-pull"]
TIMES = 5


class BenchError(Exception):
    """What keeps a part of the bench from its figures."""


def run(*command: str | Path, text: str = "", cwd: str | Path = ROOT) -> str:
    """Run a command, in the root of the project if not told otherwise; return its output."""
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise BenchError(f"{' '.join(map(str, command))[:200]}: {said}")
    return done.stdout


def seconds(*command: str | Path, cwd: str | Path = ROOT) -> float:
    """Return how long a command takes."""
    begin = time.perf_counter()
    run(*command, cwd=cwd)
    return time.perf_counter() - begin


def wait_for(what: Callable[[], object], why: str) -> None:
    """Wait until something holds; the limit only tells a hang from a slow machine."""
    end = time.monotonic() + 120
    while not what():
        if time.monotonic() > end:
            raise BenchError(f"waited in vain for {why}")
        time.sleep(0.02)


# --- the lab ------------------------------------------------------------------------------------


def up(*options: str) -> None:
    """Bring the lab up, and wait until its servers are bound."""
    run(*LAB, "up", "-d", *options)
    bound()


def bound(times: int = 1) -> None:
    """Wait until each server has said so many times that it is bound."""

    def said() -> bool:
        return run(*LAB, "logs", *SERVERS).count(" bound to ") >= times * len(SERVERS)

    wait_for(said, "the servers to be bound")


def down() -> None:
    run(*LAB, "down")


@contextmanager
def interval(seconds: float) -> Iterator[None]:
    """Let PUB and PUSH, in a lab that is brought up in here, send each so many seconds."""
    before = os.environ.copy()
    os.environ["ZMQ_INTERVAL"] = str(seconds)
    try:
        yield
    finally:
        del os.environ["ZMQ_INTERVAL"]
        os.environ.update(before)


def typed(*words: str) -> Any:
    """Type a command on a terminal of its own."""
    return pexpect.spawn(words[0], list(words[1:]), cwd=str(ROOT), encoding="utf-8", timeout=120)


def ctrl_c(terminal: Any) -> float:
    """Press Ctrl-C, and return the seconds until the command has ended.

    It is pressed half a second after what was read, as no person is faster: a signal in the very
    moment before a script waits is noticed with the next message.
    """
    time.sleep(0.5)
    begin = time.perf_counter()
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    took = time.perf_counter() - begin
    terminal.close()
    if terminal.exitstatus:
        raise BenchError(f"{terminal.args}: {terminal.before}")
    return took


# --- the table ----------------------------------------------------------------------------------

SIGNS = {"<": operator.lt, "<=": operator.le, "=": operator.eq}
missed: list[str] = []  # what does not hold


def heading() -> None:
    print(f"{'what':<52} {'ours':>10} {'beside it':>28} {'ratio':>6} goal")


def row(
    what: str, value: float, unit: str, goal: str, beside: tuple[str, float] | None = None
) -> None:
    """Print a row, and note whether its goal holds.

    A goal with a unit, as in "<= 3 s" or "0.9 to 1.1 s", is one of the value; without a unit, as
    in "<= 1.5", it is one of the ratio to what is measured beside it. An empty one always holds.
    """
    ratio, other = 0.0, ""
    if beside:
        name, theirs = beside
        other = f"{name} {figure(theirs, unit)}"
        ratio = value / theirs if theirs else float("inf") if value else 1.0
    held = not goal or holds(goal, value, ratio)
    if not held:
        missed.append(what)
    print(
        f"{what:<52} {figure(value, unit):>10} {other:>28} {f'{ratio:.2f}' if beside else '':>6}"
        f" {goal}{'' if held else '   NOT HELD'}",
        flush=True,
    )


def figure(value: float, unit: str) -> str:
    """Return a value with its unit, to two or three digits."""
    exact = unit in ("s", "ms", "MB") and value < 100
    return f"{value:,.{0 if not exact else 1 if value >= 10 else 2}f} {unit}".strip()


def holds(goal: str, value: float, ratio: float) -> bool:
    """Tell whether a value, or the ratio if the goal has no unit, is as the goal says."""
    if " to " in goal:
        low, _, high, *unit = goal.split()
        return float(low) <= (value if unit else ratio) <= float(high)
    sign, bound, *unit = goal.split()
    return bool(SIGNS[sign](value if unit else ratio, float(bound)))
