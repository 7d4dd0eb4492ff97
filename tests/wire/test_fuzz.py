"""What the worker unpickles, and made-up bytes for each parser of wire/: none may raise.

FUZZ is how many inputs a property gets: few in the tests, many in scripts/dev/fuzz. As a program
this gives one property inputs that are guided by coverage: test_fuzz.py NAME [libFuzzer options]"""

import contextlib
import io
import os
import pickle
import pickletools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

import hostile
from capture.files import packets
from capture.packet import CaptureError
from conftest import ROOT
from grade.requirements import rows, table
from grade.tasks import TASKS
from output.html import write_page
from output.json import json_lines
from output.text import story_lines
from safe import printable, text_of
from story.pickles import pickled
from story.story import Story
from tasks import Scene, host
from tasks import rows as made_of
from tcp.segment import segment
from wire_packets import CAPTURES, Talk, pcap, pcapng
from zmtp.command import properties
from zmtp.frames import KEPT, Frame
from zmtp.greeting import Negotiation

# what a terminal obeys, or that turns text around: no page needs it
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\ud800-\udfff]")


OPCODES = {"PROTO", "INT", "BININT1", "STOP"}  # none of them calls, or allocates, anything


often = settings(max_examples=int(os.environ.get("FUZZ", "50")), database=None)


def jobs_of_the_worker() -> set[bytes]:
    """Return the set of jobs of the script, which runs as soon as it is imported."""
    text = (ROOT / "pull/pullzmq.py").read_text().partition("\ncontext =")[0]
    found: dict[str, set[bytes]] = {}
    exec(compile(text, "pullzmq.py", "exec"), found)  # our own script
    return found["JOBS"]


def changed(samples: list[bytes]) -> st.SearchStrategy[bytes]:
    """Make bytes of a sample with some of them changed, cut, repeated or put in."""

    def change(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
        for at, size, new in edits:
            at %= len(data) + 1
            data = data[:at] + new + data[at + size :]
        return data

    edit = st.tuples(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=12))
    edits = st.lists(edit, max_size=4)
    return st.builds(change, st.sampled_from(samples), edits) | st.binary(max_size=300)


opcodes = st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes])


jobs = [pickle.dumps(job, protocol) for job in (1, 60, 61) for protocol in range(6)]


pickles = changed([*jobs, *hostile.pickles()]) | st.lists(
    opcodes | st.binary(max_size=4), max_size=30
).map(b"".join)


said = changed(
    [
        b"".join(made()[:50])[:4000]
        for us in ("REQ", "PUB")
        for name, made in hostile.attacks(us, 1000).items()
        if name not in ("500 silent connections", "many large messages, nothing read")
    ]
)


deeds = changed(
    [
        *(b'{"job": 7, "seconds": 1}', b'{"job": 7, "worker": "w"}', b'{"from": 1}'),
        *(b"WAKTU 2 Mon", b'["WAKTU 1 Mon", "WAKTU 2 Mon"]', b'{"id": "a1", "text": ""}'),
        *(b'{"id": "a1", "count": 1}', b'{"id": "\\ud800", "count": 1e400}', b"[" * 2000),
    ]
)


captures = changed(
    [path.read_bytes()[:3000] for path in sorted(CAPTURES.rglob("*.pcap*"))]
    + [pcapng([(1, 6, None)], [(0, 0, packet) for packet in Talk().shake().packets])]
)


def test_a_job_is_a_pickled_int_from_1_to_60() -> None:
    """As any Python may pickle it; True is a bool, which is pickled in other words."""
    jobs = jobs_of_the_worker()
    assert {pickle.dumps(n, protocol) for n in range(1, 61) for protocol in range(6)} == jobs
    assert len(jobs) == 360 and max(map(len, jobs)) == 5
    for job in jobs:
        assert pickled(job) == pickle.loads(job)  # noqa: S301  # one of the 360
        assert all(opcode.name in OPCODES for opcode, _, _ in pickletools.genops(job))


@often
@given(pickles)
def test_payloads(data: bytes) -> None:
    assert printable(data).isprintable()
    assert len(text_of(data, 20)) <= 80  # an escape takes four characters a byte
    assert all(name.isprintable() for name in properties(data))


@often
@given(
    st.lists(st.tuples(st.integers(0, 1), said, st.integers(0, 99)), max_size=4),
    st.booleans(),
    st.booleans(),
)
def test_zmtp(talk: list[tuple[int, bytes, int]], guess: bool, late: bool) -> None:
    """Whatever both say, and however many bytes of it are not in the capture."""
    opening = Negotiation(guess, late)
    for number, (side, data, lost) in enumerate(talk, 1):
        for part in data[:lost], data[lost:]:
            if part:
                for _, item in opening.feed(side, part, number, number):
                    assert not isinstance(item, Frame) or len(item.body) <= KEPT
        if lost:
            opening.skip(side, lost, number, number)
    opening.end()


@often
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), deeds), max_size=12))
def test_tasks(messages: list[tuple[int, int, bytes]]) -> None:
    """Whatever programs say, each row says something, safe to show."""
    scene = Scene()
    talks = [
        scene.join(host(5, 40000), host(3, 9999), (b"PULL", b"PUSH")),
        scene.join(host(5, 40001), host(3, 9998), (b"PUSH", b"PULL")),
        scene.join(host(5, 40002), host(3, 12345), (b"SUB", b"PUB")),
        scene.join(host(5, 40003), host(3, 5556), (b"REQ", b"REP")),
    ]
    for which, side, body in messages:
        scene.say(talks[which], side, body)
    for task in TASKS:
        found = made_of(scene, task)
        assert [row.asked for row in found] == list(TASKS[task].asked)
        for row in found:
            assert bool(row.packets) != bool(str(row.cause))
            assert str(row.cause).isprintable() and len(str(row.cause)) < 1000


@often
@given(captures)
def test_capture_files(data: bytes) -> None:
    story = Story()
    with contextlib.suppress(CaptureError):
        for record in packets(io.BytesIO(data)):
            segment(record)
            story.feed(record)
    story.end()


@often
@given(st.lists(st.tuples(st.integers(0, 1), said), max_size=4), st.booleans())
def test_conversations(talk: list[tuple[int, bytes]], each: bool) -> None:
    made = Talk().open()
    for side, data in talk:
        made.say(side, *(data[at : at + 1400] for at in range(0, len(data), 1400)))
    story = Story(each)
    for record in packets(io.BytesIO(pcap(made.close().packets))):
        story.feed(record)
    story.end()
    page = io.StringIO()
    write_page("x", story, page)
    told = [*story_lines("x", story), *table("x", rows(story), story), *json_lines("x", story)]
    assert all(line.isprintable() for line in "\n".join(told).split("\n"))
    assert not OBEYED.search(page.getvalue())
    assert "<script>alert" not in page.getvalue() and "<img src=x" not in page.getvalue()
