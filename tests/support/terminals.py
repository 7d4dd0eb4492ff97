"""What a person types at a terminal of a container, and what comes of it."""

import json
import re
import shlex
from typing import Any

import pexpect

from conftest import (
    LIMIT,
    PROJECT,
    ROOT,
    compose,
    run,
)

Terminal = Any  # a pexpect.spawn, whose types do not know that a match is one


def typed(command: str) -> Terminal:
    """Type a command on a terminal that stands in the root of the project."""
    words = shlex.split(command)
    return pexpect.spawn(words[0], words[1:], cwd=str(ROOT), encoding="utf-8", timeout=LIMIT)


def exec_typed(service: str, command: str) -> Terminal:
    return typed(f"docker compose -f compose/zmq.yml exec {service} {command}")


def ends(terminal: Terminal) -> int | None:
    """Wait for the end of a command and return its exit code."""
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.exitstatus  # type: ignore[no-any-return]


def name(service: str, index: int = 1) -> str:
    """Return what Compose calls a container of the lab; docker, asked by it, answers sooner."""
    return f"{PROJECT}-{service}-{index}"


def logs(service: str) -> str:
    return run("docker", "logs", name(service)).stdout


def inspect(service: str) -> dict:  # type: ignore[type-arg]
    return json.loads(run("docker", "inspect", name(service)).stdout)[0]  # type: ignore[no-any-return]


def processes(service: str, script: str) -> list[int]:
    """Return the numbers that this machine gives to what runs a script in the containers."""
    lines = compose("top", service).stdout.splitlines()
    return [int(line.split()[1]) for line in lines if re.search(rf":\d\d +python {script}", line)]


def docker(*arguments: str) -> str:
    """Run docker and require that it succeeds; return its output."""
    done = run("docker", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def process(service: str, script: str) -> int:
    (found,) = processes(service, script)
    return found


def in_container(service: str, python: str) -> str:
    """Run a line of Python in a container of the lab and return what it prints."""
    return docker("exec", name(service), "python", "-c", python)
