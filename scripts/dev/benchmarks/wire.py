"""zmq-wire: the story of captures beside tshark on the same, and what passes live."""

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.captures import made_up, of_the_lab
from benchmarks.harness import ROOT, TIMES, row, run
from benchmarks.lab import tools
from benchmarks.live import live

# Runs a program to its end; prints its seconds, and the most memory that it held, in MB. One that
# its container killed held all that it might.
MEASURED = """
import resource, subprocess, sys, time
begin = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
if done.returncode not in (0, -9):
    sys.exit(1)
took = time.perf_counter() - begin
print(took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)
"""
TSHARK = "tshark -n -o zmtp.tcp.port:5555,9999,12345 -Y zmtp -r"
MOST = "1g"  # memory of a container: what takes more than its goal shall not take the machine's


def measure(folder: str, image: str, *command: str) -> tuple[float, float]:
    """Run a program of an image in a folder that is mounted there; return seconds and MB."""
    bounds = ["--memory", MOST, "--memory-swap", MOST] if image == "praktikum-zmq" else []
    mounts = ["-v", f"{folder}:/data", "-v", f"{ROOT}/wire:/wire:ro", "-w", "/data"]
    timed = ["python", "-c", MEASURED, *command]
    took, memory = run("docker", "run", "--rm", *bounds, *mounts, image, *timed).split()
    return float(took), float(memory)


def wire() -> None:
    """Time it all, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # tcpdump writes as a user of its own
        read_beside_tshark(folder, tools())
    with tempfile.TemporaryDirectory() as folder:
        written_while_reading(folder)
    live()


def read_beside_tshark(folder: str, image: str) -> None:
    def story(name: str) -> tuple[float, float]:
        return measure(folder, "praktikum-zmq", "python", "/wire/wirezmq.py", name)

    def beside(name: str) -> Iterator[float]:
        """Give our seconds and MB, then those of tshark, of runs in turns."""
        tshark = [image, *TSHARK.split(), name]
        pairs = [(*story(name), *measure(folder, *tshark)) for _ in range(TIMES)]
        return map(statistics.median, zip(*pairs, strict=True))

    small = of_the_lab(Path(folder, "small.pcap"), 180)
    large = of_the_lab(Path(folder, "large.pcap"), 60_000)
    joined = ["mergecap", "-a", "-F", "pcap", "-w", "huge.pcap", *["large.pcap"] * 10]
    measure(folder, image, *joined)
    ours, memory, theirs, _ = beside("large.pcap")
    row(f"story of {large:,} packets", ours, "s", "<= 2", ("tshark", theirs))
    row("  its peak memory", memory, "MB", "< 100 MB")
    row(f"  that of {large * 10:,} packets", story("huge.pcap")[1], "MB", "< 100 MB")
    made_up(Path(folder, "many.pcap"), 10_000, 1)
    made_up(Path(folder, "long.pcap"), 1, 1, 10**9)
    for name, what in ("many.pcap", "10,000 connections"), ("long.pcap", "a message of 1 GB"):
        ours, held, theirs, held_too = beside(name)
        row(f"story of {what}", ours, "s", "<= 2", ("tshark", theirs))
        row("  its peak memory", held, "MB", "< 200 MB", ("tshark", held_too))
    start = statistics.median(story("small.pcap")[0] for _ in range(TIMES))
    row(f"story of {small:,} packets, with start-up", start, "s", "< 0.4 s")


def written_while_reading(folder: str) -> None:
    """Whatever the length, what has a line for each message is not kept until its end."""
    made_up(Path(folder, "messages.pcap"), 10, 100_000, 1_000)
    command = ["python", "/wire/wirezmq.py", "messages.pcap"]
    for option in "--json", "--all":
        _, held = measure(folder, "praktikum-zmq", *command, option)  # takes minutes
        row(f"{option} of 1 GB, its peak memory", held, "MB", "< 100 MB")
