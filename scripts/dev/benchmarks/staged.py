"""What tests stage that is much to set up: engines of their own, a stack on two of them, the demo.

Such a test tells a figure by pytest's `record_property`, and asserts nothing about it: how soon it
has to be stands here.
"""

import statistics
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict

from benchmarks.harness import ROOT, BenchError, row

TURNS = 3
GOALS = {
    "Ctrl-C in scripts/demo leaves nothing": "< 5 s",
    "the lab is up again after the engine": "<= 20 s",
    "stack: nine tasks run": "<= 60 s",
    "stack: a name that is down is told": "< 1.2 s",
    "stack: zmq-pull on both nodes has its share": "<= 30 s",
    "stack: zmq-sub on both nodes has its share": "<= 30 s",
    "stack: the workers of a lost node replaced": "<= 60 s",
}
TESTS = "leaves_nothing or up_again_after or swarm"


def staged() -> None:
    """Run these tests alone, one after the other; of several that tell the same counts the last."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(TURNS):
        told = turn()
        for what in GOALS:
            if what not in told:
                raise BenchError(f"no test tells '{what}'")
            found[what].append(told[what])
    for what, goal in GOALS.items():
        row(what, statistics.median(found[what]), "s", goal)


def turn() -> dict[str, float]:
    """Run the tests once, and return what they told."""
    with tempfile.NamedTemporaryFile() as file:
        junit = ["-o", "junit_family=xunit1", f"--junitxml={file.name}"]
        subprocess.run(
            ["scripts/test", "-q", "-n", "0", *junit, "-k", TESTS], cwd=ROOT, capture_output=True
        )
        report = ET.parse(file)
    for case in report.iter("testcase"):
        for failed in [*case.iter("failure"), *case.iter("error")]:
            raise BenchError(f"{case.get('name')}: {failed.get('message')}")
    return {str(each.get("name")): float(each.get("value", 0)) for each in report.iter("property")}
