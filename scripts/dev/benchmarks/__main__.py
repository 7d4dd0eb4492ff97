"""Runs the parts of the bench that are named, or all of them."""

import signal
import sys
from collections.abc import Callable

from benchmarks import harness
from benchmarks.faults import faults
from benchmarks.grade import grade
from benchmarks.harness import LAB, BenchError, down, run
from benchmarks.hostile_peers import hostile_peers
from benchmarks.lab import lab
from benchmarks.load import load
from benchmarks.page import page
from benchmarks.pipeline import pipeline
from benchmarks.rounds import rounds
from benchmarks.scripts import scripts
from benchmarks.staged import staged
from benchmarks.wire import wire

PARTS: dict[str, Callable[[], None]] = {
    "lab": lab,
    "rounds": rounds,
    "pipeline": pipeline,
    "scripts": scripts,
    "hostile": hostile_peers,
    "faults": faults,
    "wire": wire,
    "grade": grade,
    "load": load,
    "page": page,
    "staged": staged,
}


def main() -> int:
    """Measure, and return the exit code."""
    # A shell that starts this in the background would make all that it starts ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if unknown := set(sys.argv[1:]) - set(PARTS):
        print(
            f"bench: no part {', '.join(sorted(unknown))}: take {', '.join(PARTS)}", file=sys.stderr
        )
        return 2
    broken = False
    try:
        run(*LAB, "down", "--remove-orphans")
        run(*LAB, "build")
        harness.heading()
        for part in sys.argv[1:] or PARTS:
            try:
                PARTS[part]()
            except Exception as error:  # whatever it is, the other parts go on
                print(f"{part}: {type(error).__name__}: {error}", file=sys.stderr)
                broken = True
        down()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        broken = True
    except KeyboardInterrupt:
        return 130
    return 2 if broken else int(bool(harness.missed))


if __name__ == "__main__":
    sys.exit(main())
