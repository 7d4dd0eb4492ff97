"""The story of a capture as a person reads it: words, frame numbers, counts."""

import os
import subprocess
import sys

from command import WIRE
from wire_packets import (
    CAPTURES,
)


def test_colour_is_for_terminals_only() -> None:
    import pty

    def shown(**environment: str) -> bytes:
        master, slave = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        with subprocess.Popen(
            [sys.executable, WIRE, CAPTURES / "lab.pcap"], stdout=slave, env=clean | environment
        ) as process:
            os.close(slave)
            out = b""
            try:
                while part := os.read(master, 65536):
                    out += part
            except OSError:
                pass
            assert process.wait() == 0
        os.close(master)
        return out

    assert b"\x1b[" in shown()
    assert b"\x1b[" not in shown(NO_COLOR="1")
