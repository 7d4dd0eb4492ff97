"""What a student's program, or someone who means ill, may send instead of JSON."""

import json
from pathlib import Path

import pytest

from command import wirezmq
from grade.requirements import Requirement
from grade.tasks import TASKS
from output.language import speaking
from tasks import Scene, host, missing, rows
from wire_packets import frame

DEEP = 1000


def first(task: int, body: bytes, kind: str = "frame") -> Scene:
    """Return a capture whose first message of a task is this."""
    types, port = {
        1: ((b"PULL", b"PUSH"), 9999),
        2: ((b"REQ", b"REP"), 5556),
        3: ((b"REQ", b"REP"), 5555),
    }[task]
    scene = Scene()
    if task == 2:
        published = scene.join(host(5, 40001), host(3, 12345), (b"SUB", b"PUB"))
        scene.say(published, 1, b"WAKTU 5 Mon Nov 23")
    talk = scene.join(host(5, 40000), host(3, port), types)
    delimiter = frame(b"", 1) if b"REQ" in types else b""
    whole = delimiter + (frame(body) if kind == "frame" else body)
    scene.raw(talk, 1 if task == 1 else 0, whole)
    return scene


def said(found: list[Requirement], task: int) -> str:
    """Return what is said of it, without the number of its packet."""
    return str(found[2 if task == 2 else 0].cause).split(" ", 2)[2]


JOB = '"job" is no whole number from 0 to 2^63 - 1'
HOSTILE = {
    "10^400": (b'{"job": 1%s, "seconds": 1}' % (b"0" * 400), JOB),
    "a million digits": (b'{"job": %s, "seconds": 1}' % (b"9" * 1_000_000), JOB),
    "below zero": (b'{"job": -1, "seconds": 1}', JOB),
    "a float": (b'{"job": 7.0, "seconds": 1}', JOB),
    "true": (b'{"job": true, "seconds": 1}', JOB),
    "no number": (b'{"seconds": 1}', JOB),
    "a list": (b"[7, 1]", "has JSON, but no object"),
    "NaN": (b'{"job": 7, "seconds": NaN}', 'has no JSON: "{"job": 7, "seconds": NaN}"'),
    "more than a float": (
        b'{"job": 7, "seconds": 1e999}',
        '"seconds" is no number of seconds from 1 on',
    ),
    "no time at all": (
        b'{"job": 7, "seconds": 0}',
        '"seconds" is no number of seconds from 1 on',
    ),
    "a key twice": (
        b'{"job": 7, "seconds": 1, "job": 8}',
        "has JSON in which a key stands twice",
    ),
    "a surrogate": (
        b'{"job": "\\ud800", "seconds": 1} and more',
        r'has no JSON: "{"job": "\\ud800", "seconds": 1} and more"',
    ),
    "no UTF-8": (b"\xff\xfe\x1b[2J", r'has no UTF-8: "\xff\xfe\x1b[2J"'),
    "what a terminal obeys": (b"\x1b[2J\x07", r'has no JSON: "\x1b[2J\x07"'),
    "UTF-16": ('{"job": 7}'.encode("utf-16-le"), r'has no JSON: "{\x00"'),
    "with a mark of its order": (
        b"\xef\xbb\xbf{}",
        r'has no JSON: "\ufeff{}"',
    ),
    "nothing": (b"", 'has no JSON: ""'),
    "a pickle": (b"\x80\x04K\x03.", "has a pickle, and no JSON"),
    "a pickle in letters": (b"I3\n.", "has a pickle, and no JSON"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_job_that_is_none_gets_a_row(what: str) -> None:
    body, wanted = HOSTILE[what]
    assert said(rows(first(1, body), 1), 1).startswith(wanted)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"[" * 1_000_000, "has JSON nested too deep to be read"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "has JSON nested too deep to be read"),
        (b"[" * DEEP + b"]" * DEEP, "has JSON nested too deep to be read"),
        (b"x" * (1 << 20), 'has no JSON: "xxxx'),
        (b"x" * ((1 << 20) + 1), "has more than 1,048,576 bytes: not read"),
        (b"[" + b"{}," * 300_000 + b"{}]", "has JSON, but no object"),
    ],
)
def test_what_is_deep_or_large_gets_a_row_in_every_task(
    task: int, body: bytes, wanted: str
) -> None:
    found = str(rows(first(task, body), task)[2 if task == 2 else 0].cause)
    assert wanted in found or wanted in found.replace("the message in ", "")


def test_several_frames_are_no_message_of_a_task() -> None:
    two = frame(b'{"job": 7, "seconds": 1}', 1) + frame(b"more")
    many = frame(b"x", 1) * 300 + frame(b"{}")
    for body in two, many:
        found = rows(first(1, body, "raw"), 1)
        assert said(found, 1) == "has a message of several frames, not of one"


def test_a_message_that_is_cut_is_not_read() -> None:
    scene = Scene()
    talk = scene.join(host(5, 40000), host(3, 9999), (b"PULL", b"PUSH"))
    whole = frame(json.dumps({"job": 7, "seconds": 1, "more": "x" * 300}).encode())
    scene.raw(talk, 1, whole[:100])
    scene.raw(talk, 1, whole[100:200], skip=True)
    scene.raw(talk, 1, whole[200:])
    found = rows(scene, 1)[0]
    assert str(found.cause) == "the message in packet 9 is not whole in the capture"


def test_names_are_safe_to_show_and_no_format() -> None:
    scene = Scene()
    talk = scene.join(host(5, 40000), host(3, 5555), (b"REQ", b"REP"))
    for key in "\ud800\x1b[2J{id}", "\u202e{0.__class__}":
        scene.say(talk, 0, {"id": key, "text": ""})
        scene.say(talk, 1, {"id": "other", "count": 1})
    said = missing(rows(scene, 3))["a reply in JSON for each id"]
    assert said.endswith(r"replies to id other, and the request has \xed\xa0\x80\x1b[2J{id}")
    assert said.isprintable()


def test_very_many_jobs_are_looked_at_no_further(tmp_path: Path) -> None:
    scene = Scene()
    talk = scene.join(host(5, 40000), host(3, 9999), (b"PULL", b"PUSH"))
    for start in range(0, 20_000, 1000):
        some = (b'{"job":%d,"seconds":1}' % at for at in range(start, start + 1000))
        scene.raw(talk, 1, b"".join(map(frame, some)))
    (tmp_path / "x.pcap").write_bytes(scene.capture)
    done = wirezmq("x.pcap", "--check", "--task", "1", "--lang", "en", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "MISSING  there are more than 10000: the others are not looked at" in done.stdout


def test_reasons_are_said_in_the_language_that_is_spoken() -> None:
    found = rows(first(1, b"kerja"), 1)
    assert str(found[0].cause) == 'packet 8 has no JSON: "kerja"'
    with speaking("id"):
        assert str(found[0].cause) == 'paket 8 tidak berisi JSON: "kerja"'
