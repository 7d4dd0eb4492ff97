"""Fixtures: tshark 4.4, in a container of its own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IMAGE = "praktikum-zmq-tshark"


@pytest.fixture(scope="session")
def tshark() -> Callable[[list[str], Path], str]:
    """Return a function that runs tshark with these arguments, in this folder, read-only."""
    env = HERE.parent / "compose" / ".env"
    bases = env.read_text().split() if env.exists() else []
    args = [word for base in bases for word in ("--build-arg", base)]
    subprocess.run(["docker", "build", "-q", "-t", IMAGE, *args, str(HERE)], check=True)

    def run(args: list[str], folder: Path) -> str:
        docker = ["docker", "run", "--rm", "--network", "none", "-v", f"{folder}:/data:ro"]
        command = [*docker, IMAGE, "tshark", *args]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout

    return run
