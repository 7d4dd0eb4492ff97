"""Engines of the tests' own, apart from the one of this machine."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conftest import LIMIT, run, wait_for


def sudo(*command: str) -> str:
    """Run a command as root and require that it succeeds; return its output."""
    done = run("sudo", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# A /run of its own, or the engine would meet the other's containerd and network namespaces there.
DOCKERD = """
mount -t tmpfs run /run && hostname "$1" && echo '{}' >"$0/daemon.json" &&
exec dockerd --config-file "$0/daemon.json" --data-root "$0/data" --exec-root "$0/exec" \
    --pidfile "$0/pid" -H "unix://$0/sock" >>"$0/log" 2>&1
"""
# Of the layers of images no engine changes a file: they need not be there twice.
COPY = """
mkdir "$1" && cd "$0" && for each in *; do
    if [ "$each" = overlay2 ]; then cp -al "$each" "$1"; else cp -a "$each" "$1"; fi || exit
done; rm -f "$1/engine-id"
"""


class Engine:
    """An engine of our own, apart from the one of this machine."""

    def __init__(self, name: str, folder: str):
        self.name, self.folder, self.host = name, folder, f"unix://{folder}/sock"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        there = f"sudo nsenter --net=/run/netns/{self.name} unshare --mount --uts sh -c".split()
        self.process = subprocess.Popen([*there, DOCKERD, self.folder, self.name])
        wait_for(lambda: run("docker", "-H", self.host, "info").returncode == 0)

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self.process.poll() is None:
            sudo("sh", "-c", f"kill $(cat {self.folder}/pid)")
            self.process.wait(LIMIT)

    def docker(self, *arguments: str, **options: object) -> str:
        """Run docker on this engine and require that it succeeds; return its output."""
        done = run("docker", "-H", self.host, *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@contextmanager
def engine(name: str, data: Path | None = None) -> Iterator[Engine]:
    """Start an engine in a network namespace of this name with no way out.

    It has no image, or what is in the data of another one.
    """
    with ExitStack() as undo:
        left = f"kill $(ip netns pids {name}); ip netns delete {name}"  # of a run that was killed
        run("sudo", "sh", "-c", left)
        sudo("ip", "netns", "add", name)
        undo.callback(sudo, "ip", "netns", "delete", name)
        sudo("ip", "-n", name, "link", "set", "lo", "up")
        folder = tempfile.mkdtemp(dir="/var/tmp")  # no overlay goes on top of a /tmp in memory
        undo.callback(sudo, "rm", "-rf", folder)
        if data:
            sudo("sh", "-c", COPY, str(data), f"{folder}/data")
        started = Engine(name, folder)
        undo.callback(started.stop)
        started.start()
        yield started


def load(image: str, name: str, data: Path) -> None:
    """Leave the data of an engine that has loaded an image, for others to begin with."""
    sudo("rm", "-rf", str(data))  # of a run that was killed
    with engine(name) as first:
        done = run("sh", "-c", f"docker save {image} | docker -H {first.host} load")
        assert done.returncode == 0, done.stderr
        first.stop()
        sudo("mv", f"{first.folder}/data", str(data))
