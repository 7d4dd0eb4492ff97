"""The table of a class: captures of 100 packets, each with a form beside it."""

import json
import statistics
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT, TIMES, row, run
from benchmarks.wire import measure
from kelas import another, form, pcap


def grade() -> None:
    """Time the table; no two of its captures share a connection."""
    for count, most in (1_000, 5), (40, 1):
        with tempfile.TemporaryDirectory() as folder:
            for number in map(str, range(5025211000, 5025211000 + count)):
                packets = another(number) + another(number[::-1])[33:63]
                Path(folder, f"{number}.pcap").write_bytes(pcap(packets))
                Path(folder, f"{number}.txt").write_text(form())
            runs = [measure(folder, "praktikum-zmq", *graded()) for _ in range(TIMES)]
            mounts = ["-v", f"{folder}:/data:ro", "-v", f"{ROOT}/wire:/wire:ro"]
            container = ["docker", "run", "--rm", *mounts, "praktikum-zmq"]
            told = json.loads(run(*container, *graded("--json")))
        took, memory = (statistics.median(side) for side in zip(*runs, strict=True))
        what = f"grades of {count:,} captures"
        row(f"{what}, with start-up", took, "s", f"<= {most} s")
        row("  peak memory of a process", memory, "MB", "< 100 MB")
        copies = told["class"]["copies"]
        row("  taken for copies, of which none is one", copies, "captures", "= 0 captures")


def graded(*options: str) -> list[str]:
    """Return what grades the class; it may end with 1, as there is something to look at."""
    command = ["python", "/wire/wirezmq.py", "--grade", "/data", *options]
    return ["sh", "-c", '"$@"; test $? -le 1', "sh", *command]
