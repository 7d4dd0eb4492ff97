"""The captures of old versions of ZeroMQ."""

from collections.abc import Iterator
from pathlib import Path

from story.model import Connection
from story.story import Story
from wire_packets import CAPTURES, read
from zmtp.patterns import PORTS

RUNS = sorted((CAPTURES / "versions").glob("*.pcap"))


VERSIONS = {"2.2.0": "1.0", "3.2.2": "2.0", "0.3.6": "2.0", "4.1.2": "3.0"}  # others: 3.1


JOBS = {b"\x80\x04K%c." % job: str(job) for job in (3, 1, 5)}


def versions(run: Path) -> tuple[str, str]:
    """Return the ZMTP versions of client and server."""
    client, server = run.stem.split("-")[1], run.stem.split("-")[-1]
    return VERSIONS.get(client, "3.1"), VERSIONS.get(server, "3.1")


def text(part: bytes | str) -> str:
    if isinstance(part, str):  # "300 bytes"
        return "x" * int(part.split()[0])
    return JOBS.get(part) or part.decode()


def story(run: Path, ports: dict[int, tuple[str, str]] = PORTS) -> Story:
    found = Story(each=True, ports=ports)
    for record in read(run.read_bytes()):
        found.feed(record)
    found.end()
    found.connections = [c for c in found.connections if set(c.counts) != {"refused"}]
    return found


def texts(connection: Connection, *kinds: str) -> Iterator[str]:
    return (event.text for event in connection.events if event.kind in kinds)


SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"
