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


@pytest.fixture
def kelas(tmp_path: Path) -> Path:
    """A class: one is right, one has it from there, one did without a fault, one did the lab."""
    folder = tmp_path / "kelas"
    folder.mkdir()
    idle = once(5)
    idle.packets, idle.times = idle.packets[:9], idle.times[:9]
    lab = (CAPTURES / "lab.pcap").read_bytes()
    for number, data in enumerate([once().capture, once().capture, idle.capture, lab], 1):
        (folder / f"502524100{number}.pcap").write_bytes(data)
    (folder / "5025241005.txt").write_text("request = 12\n")
    return folder


WITHOUT = "REQ-REP without a request sent again, since no reply came (no id was sent twice: "


def test_a_class_has_a_table_for_a_task(kelas: Path) -> None:
    done = wirezmq("--grade", "--task", "3", kelas)
    assert (done.returncode, done.stderr) == (1, "")
    table, totals = done.stdout.split("\n\n")
    head, *lines = table.splitlines()
    assert head.split(maxsplit=4) == [
        "number",
        "task",
        "3",
        "copies",
        "file             what to look at",
    ]
    cells = [line.split(maxsplit=4) for line in lines]
    assert [cell[:3] for cell in cells] == [
        ["5025241001", "complete", "COPY"],
        ["5025241002", "complete", "COPY"],
        ["5025241003", "MISSING", "COPY"],
        ["5025241004", "MISSING", "-"],
        ["5025241005", "NO", "FILE"],
    ]
    assert "same as 5025241001.pcap: byte for byte" in lines[1]
    assert WITHOUT in lines[2]
    assert 'REQ-REP missing (packet 25 has no JSON: "Hello"; packet 26' in lines[3]
    assert "no request is" not in table
    assert totals.startswith(
        "5 handed in: 2 complete, 3 that share connections, 1 not read in full\n"
    )
    assert "    2  without REQ-REP a request sent again, since no reply came\n" in totals


def test_a_class_that_is_fine_ends_with_0(tmp_path: Path) -> None:
    (tmp_path / "5025241001.pcap").write_bytes(jobs().capture)
    (tmp_path / "5025241001.txt").write_text("a form, of which a task has none")
    assert wirezmq("--grade", "--task", "1", tmp_path).returncode == 0
    assert wirezmq("--grade", "--task", "2", tmp_path).returncode == 1
    (tmp_path / "5025241002.pcap").write_bytes(jobs().capture)
    assert wirezmq("--grade", "--task", "1", tmp_path).returncode == 1
    (tmp_path / "5025241003.pcap").write_bytes(b"none")
    assert wirezmq("--grade", "--task", "1", tmp_path).returncode == 2


def test_of_several_captures_of_a_student_the_best_counts(tmp_path: Path) -> None:
    for name, scene in ("a", jobs()), ("b", snapshot()), ("c", jobs(confirmed=False)):
        (tmp_path / f"5025241001-{name}.pcap").write_bytes(scene.capture)
    for task, name in (1, "a"), (2, "b"):
        line = wirezmq("--grade", "--task", str(task), tmp_path).stdout.splitlines()[1]
        assert line.split()[1:4] == ["complete", "-", f"5025241001-{name}.pcap"]


def test_programs_get_what_the_table_says(kelas: Path) -> None:
    whole = json.loads(wirezmq("--grade", "--task", "3", "--json", kelas).stdout)
    lines = wirezmq("--grade", "--task", "3", "--csv", kelas).stdout.splitlines()
    assert lines[0].startswith("task,number,file,complete,missing,copies")
    assert len(lines) == 6
    first, second, third, *_ = whole["captures"]
    assert (first["task"], first["complete"], first["why"]) == (3, True, [])
    assert second["copies"] == ["5025241001.pcap", "5025241003.pcap"]
    assert third["missing"] == ["REQ-REP a request sent again, since no reply came"]
    assert third["why"] == [
        "a request sent again, since no reply came: no id was sent twice: pause the server while a "
        "client asks"
    ]
    for row in whole["captures"]:
        assert not {"form", "number_found", "answer_request"} & set(row)
    assert whole["class"]["complete"] == 2 and "sent" not in whole["class"]


def test_the_page_of_a_class(kelas: Path, tmp_path: Path) -> None:
    wirezmq("--grade", "--task", "3", "--html", tmp_path / "kelas.html", kelas)
    page = (tmp_path / "kelas.html").read_text()
    assert ">task 3</button>" in page and "their number" not in page and "no form" not in page
    assert "no id was sent twice" in page


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "en",
            "What task 3 asks for:\n"
            "  requests in JSON, each with its id: found\n"
            "  a reply in JSON for each id: found\n"
            "  a request sent again, since no reply came: MISSING: no id was sent twice: pause the "
            "server while a client asks\n",
        ),
        (
            "id",
            "Yang diminta tugas 3:\n"
            "  permintaan dalam JSON, masing-masing dengan id-nya: ditemukan\n"
            "  balasan dalam JSON untuk setiap id: ditemukan\n"
            "  permintaan yang dikirim lagi karena tidak dibalas: KURANG: tidak ada id yang "
            "dikirim dua kali: jeda server ketika klien sedang meminta\n",
        ),
    ],
)
def test_each_student_is_told_why(lang: str, said: str, kelas: Path, tmp_path: Path) -> None:
    folder = tmp_path / "balasan"
    wirezmq("--grade", "--task", "3", "--feedback", folder, "--lang", lang, kelas)
    assert said in (folder / "5025241003.txt").read_text()
    assert len(list(folder.iterdir())) == 5
    assert "3:" not in (folder / "5025241005.txt").read_text()
