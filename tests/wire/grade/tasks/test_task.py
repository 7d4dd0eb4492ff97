"""A task asked for on the command line; and what its rows say where packets are missing."""

import json
from pathlib import Path

import pytest

from command import wirezmq
from grade.tasks import TASKS
from story.story import Story
from tasks import Scene, host, missing, rows
from wire_packets import CAPTURES, command, ethernet, ip4, pcap

JOB, DONE = {"job": 1, "seconds": 1}, {"job": 1, "worker": "w"}
WAKTU = [f"WAKTU {number} Mon" for number in range(1, 5)]


def jobs(*skipped: int, confirmed: bool = True) -> Scene:
    """Return a capture that does task 1, without the bytes of its messages of these numbers."""
    scene = Scene()
    said = 0

    def worker(at: int) -> None:
        nonlocal said
        work = scene.join(host(at, 40000), host(3, 9999), (b"PULL", b"PUSH"))
        back = scene.join(host(at, 40001), host(3, 9998), (b"PUSH", b"PULL"))
        for talk, side, what in (work, 1, JOB), (back, 0, DONE):
            said += 1
            data = json.dumps(what).encode()
            lacking = said in skipped
            if what is JOB or (at == 6 and confirmed):
                scene.raw(talk, side, bytes((0, len(data))) + data, scene.now + 2, lacking)
        if at == 5:
            scene.end(work, 0)

    worker(5)
    worker(6)
    return scene


def snapshot() -> Scene:
    scene = Scene()
    talk = scene.join(host(5, 40000), host(3, 12345), (b"SUB", b"PUB"))
    scene.raw(talk, 0, command(b"SUBSCRIBE", b"WAKTU"))
    scene.say(talk, 1, WAKTU[2].encode())
    asks = scene.join(host(5, 40001), host(3, 5556), (b"REQ", b"REP"))
    scene.say(asks, 0, {"from": 1})
    scene.say(asks, 1, WAKTU[:3])
    scene.say(talk, 1, WAKTU[3].encode())
    return scene


def once(first: int = 1) -> Scene:
    scene = Scene()
    talk = scene.join(host(2, 40000), host(4, 5555), (b"REQ", b"REP"))
    for key, count in ("a1", first), ("a2", None):
        scene.say(talk, 0, {"id": key, "text": ""})
        if count is not None:
            scene.say(talk, 1, {"id": key, "count": count})
    again = scene.join(host(2, 40001), host(4, 5555), (b"REQ", b"REP"))
    scene.say(again, 0, {"id": "a2", "text": ""})
    scene.say(again, 1, {"id": "a2", "count": first + 1})
    return scene


RIGHT = {1: jobs, 2: snapshot, 3: once}


@pytest.mark.parametrize("task", TASKS)
def test_the_check_of_a_task(task: int, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(RIGHT[task]().capture)
    arguments = "x.pcap", "--check", "--task", str(task)
    done = wirezmq(*arguments, "--lang", "en", cwd=tmp_path)
    asked = TASKS[task].asked
    head, *lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert head == f"x.pcap: {len(asked)} of {len(asked)} found"
    for text, line in zip(asked, lines, strict=True):
        assert line.startswith(f"  {TASKS[task].pattern:<10} {text} ") and "found    packet" in line
    said = wirezmq(*arguments, "--lang", "id", cwd=tmp_path).stdout
    assert said.count("ditemukan") == len(asked) + 1
    other = wirezmq("x.pcap", "--check", "--task", str(task % 3 + 1), cwd=tmp_path)
    assert other.returncode == 1


@pytest.mark.parametrize("task", TASKS)
def test_the_lab_itself_does_no_task(task: int) -> None:
    done = wirezmq("lab.pcap", "--check", "--task", str(task), "--lang", "en")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("lab.pcap: 0 of ")


def test_what_has_no_zmtp_says_so_once(tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(pcap([ethernet(ip4(17, bytes(8)))]))
    done = wirezmq("x.pcap", "--check", "--task", "1", "--lang", "en", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("no ZMTP in its 1 packets: was it captured on ") == 1
    assert len(done.stdout.splitlines()) == 2 + len(TASKS[1].asked)


def test_many_captures_get_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(once().capture)
    done = wirezmq(CAPTURES / "lab.pcap", "x.pcap", "--check", "--task", "3", cwd=tmp_path)
    first, second, total = done.stdout.splitlines()
    assert first.startswith("MISSING   REQ-REP 0/5") and done.returncode == 1
    assert (second, total) == ("complete  REQ-REP 5/5  x.pcap", "1 of 2 captures complete")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lab.pcap", "--task", "1"), "--task goes with --check or --grade"),
        (("lab.pcap", "--check", "--task", "4"), "argument --task: invalid choice: "),
        (("lab.pcap", "--task", "1", "--check", "--expect", "x"), "--task has its own rows: "),
        (("lab.pcap", "--task", "1", "--check", "--answers", "x"), "--task has its own rows: "),
    ],
)
def test_what_does_not_go_with_a_task(arguments: tuple[str, ...], said: str) -> None:
    done = wirezmq(*arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"wirezmq.py: error: {said}")


DROPPED = "cannot be told: 3 packets were dropped by the kernel"


def dropped(story: Story) -> None:
    story.dropped = 3


def test_what_was_dropped_may_have_held_what_is_missing() -> None:
    of_all = {TASKS[1].asked[at] for at in TASKS[1].of_all}
    assert missing(rows(jobs(), 1, dropped)) == dict.fromkeys(of_all, DROPPED)
    found = missing(rows(jobs(confirmed=False), 1, dropped))
    assert set(found.values()) == {DROPPED} and "confirmations in JSON" in found
    assert missing(rows(snapshot(), 2, dropped)) == {}  # all numbers are there
    of_all = {TASKS[3].asked[at] for at in TASKS[3].of_all}
    assert missing(rows(once(), 3, dropped)) == dict.fromkeys(of_all, DROPPED)


def test_what_is_seen_is_wrong_whatever_was_dropped() -> None:
    scene = jobs()
    worker = scene.join(host(7, 40000), host(3, 9999), (b"PULL", b"PUSH"))
    packet = scene.say(worker, 1, JOB, scene.now + 5)
    found = missing(rows(scene, 1, dropped))
    said = f"job 1 was confirmed in packet 32 and handed out again in packet {packet}"
    assert found["jobs handed out only until confirmed"] == said


@pytest.mark.parametrize("number", [1, 3, 4])
def test_bytes_that_the_capture_lacks_may_have_held_it_too(number: int) -> None:
    scene = jobs(number)
    talk = scene.join(host(8, 40000), host(3, 9999), (b"PULL", b"PUSH"))
    scene.raw(talk, 1, b"\0\1", skip=True)  # something comes behind, or no one would know
    scene.raw(talk, 1, b"\0\0")
    found = missing(rows(scene, 1))
    assert "cannot be told: bytes of a connection are not in the capture" in found.values()


def test_what_began_before_the_capture_cannot_be_told_in_full() -> None:
    scene = once()
    scene.packets, scene.times = scene.packets[7:], scene.times[7:]
    found = missing(rows(scene, 3))
    late = "cannot be told: a connection began before the capture"
    of_all = {TASKS[3].asked[at] for at in TASKS[3].of_all}
    assert found == dict.fromkeys(of_all, late)


@pytest.mark.parametrize("task", TASKS)
def test_a_page_shows_the_connections_of_a_task(task: int, tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(RIGHT[task]().capture)
    told = wirezmq("x.pcap", "--lang", "en", cwd=tmp_path).stdout
    done = wirezmq("x.pcap", "--check", "--task", str(task), "--html", "x.html", cwd=tmp_path)
    assert done.returncode == 0
    page = (tmp_path / "x.html").read_text()
    ports = {1: ("9999", "9998"), 2: ("12345", "5556"), 3: ("5555",)}[task]
    for port in ports:
        assert f"172.18.0.{4 if task == 3 else 3}:{port}, ZMTP 3.1, NULL" in told
        assert f":{port}" in page
