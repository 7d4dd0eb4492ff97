"""zmq-wire as a person runs it, and what it says."""

import os
import subprocess
import sys
from pathlib import Path

from conftest import LIMIT
from output.words import label
from story.model import Connection
from wire_packets import (
    CAPTURES,
    Talk,
    frame,
    told,
)

WIRE = Path(__file__).parents[2] / "wire" / "wirezmq.py"


PUB = ((bytes((10, 0, 0, 4)), 40001), (bytes((10, 0, 0, 5)), 12345))


HELLO = frame(b"", 1) + frame(b"Hello")


WORLD = frame(b"", 1) + frame(b"World")


def wirezmq(
    *arguments: str | Path, cwd: Path = CAPTURES, **more: object
) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "timeout": LIMIT} | more
    sudo = ["sudo"] if "--live" in arguments else []  # a capture needs root
    return subprocess.run([*sudo, sys.executable, WIRE, *arguments], cwd=cwd, **options)  # type: ignore[call-overload, no-any-return]


def lines(talk: Talk, each: bool = False) -> list[str]:
    """Return label and frames of the events after the TCP handshake of the one connection."""
    (connection,) = told(talk.capture, each).connections
    return said(connection)


def said(connection: Connection) -> list[str]:
    return [
        f"{event.packet} {label(connection, event)}"
        for event in connection.events
        if event.kind not in ("syn", "syn-ack", "ack", "greeting", "ready")
    ]


def as_nobody(*arguments: str, cwd: Path = CAPTURES) -> subprocess.CompletedProcess[str]:
    """Run wirezmq as a user without rights; loaded before, as they may not read the clone."""
    script = (
        "import os, sys, wirezmq, cli.live, cli.story, output.text\n"
        "wirezmq.arguments()  # loads the rest of argparse\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(wirezmq.main())"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(WIRE.parent)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
