"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.files import packets
from capture.packet import Packet
from cli.grade import run as grade_class
from cli.terminal import progress
from conftest import LIMIT, ROOT, Tool
from grade.answers import Answers
from grade.copies import copies
from grade.form import QUESTIONS, parse
from grade.graded import grade
from grade.submissions import handed_in
from grade.table import cells
from kelas import CAPTURES, LAB, LATE, NUMBER, RIGHT, SAMPLE, another, form, pcap, sample, text
from output.pcapng import Annotated
from story.reader import read
from story.story import Story
from wire_packets import ACK, FIN, SYN, Talk, command, ethernet, stream, tcp
from zmtp.patterns import PORTS

LAB_FILE = CAPTURES / "lab.pcap"


def wire(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def graded(folder: Path) -> list[dict[str, str]]:
    """Return the lines of the CSV of a class, by the names in its header."""
    done = subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", "--grade", "--csv", folder],
        capture_output=True,
        timeout=LIMIT,
    )
    assert b"Traceback" not in done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))


class Seen(NamedTuple):
    """What became of a question."""

    verdict: str
    mistake: str


def marks(answers: bytes | str, packets: list[Packet] = LAB) -> dict[str, Seen]:
    """Return what became of each question of a form, by key."""
    looks = Answers(parse(answers.encode() if isinstance(answers, str) else answers))
    story = Story(keep=False)
    for packet in packets:
        new = story.feed(packet)
        looks.look(packet, story.segment, new)
    looks.look(None, None, story.end())
    found = looks.marks(story)
    return {mark.key: Seen(mark.verdict, str(mark.mistake or "")) for mark in found}


def numbered(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(number=number) for number, packet in enumerate(packets, 1)]


# --- the table ----------------------------------------------------------------------------------


def test_the_class_of_the_handout_can_be_made_again(tmp_path: Path) -> None:
    sample(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in SAMPLE.iterdir()}


def test_the_class_of_the_handout_is_graded_word_for_word() -> None:
    done = wire("--grade", "tests/captures/kelas")
    assert done.stdout == (CAPTURES / "kelas.grade.txt").read_text()
    assert (done.returncode, done.stderr) == (2, "")
    for page in "dosen.md", "dosen.en.md":
        assert done.stdout in (ROOT / "docs" / page).read_text()


def flawed(folder: Path) -> None:
    """Write a class in which every flaw comes at least once."""
    lab = {number: another(f"50252110{number}") for number in range(11, 30)}
    web = Talk(server=(bytes((10, 0, 0, 9)), 80)).open().say(0, b"GET / HTTP/1.0\r\n\r\n").close()
    files: dict[str, bytes | str] = {
        "5025211011-good.pcap": pcap(lab[11]),
        "5025211011-good.txt": form(),
        "5025211012-late.pcap": pcap(lab[12][LATE + 2 :]),
        "5025211013-lo.pcap": web.capture,
        "5025211014-short.pcap": pcap(lab[14])[:3000],
        "5025211015-short.pcap": b"",
        "5025211016-renamed.pcap": pcap(lab[11]),
        "5025211017-replaced.pcap": pcap(text(lab[12], b"5025211012", b"5025211017")),
        "5025211018-two.pcap": pcap(text(lab[18], b"apa kabar?", b"5025211011")),
        "5025211019-none.pcap": pcap(another("5025211019", sent="halo semua")),
        "5025211020-merged.pcap": pcap(lab[20] + lab[18]),
        "5025211021-idle.pcap": pcap(lab[21][LATE + 8 :]),
        "5025211022-tcp.pcap": pcap(lab[22]),
        "5025211022-tcp.txt": form(
            greeting_start="15", request="20", reply="31", subscribe="46", push="3"
        ),
        "5025211023-early.pcap": pcap(lab[23]),
        "5025211023-early.TXT": form(
            request="21", reply="24", subscribe="47", first_reply="0.00067"
        ),
        "5025211024-windows.pcap": pcap(lab[24]),
        "5025211024-windows.txt": b"\xef\xbb\xbf"
        + form(job_ack="12").upper().replace("\n", "\r\n").encode(),
        "5025211025-long.pcap": pcap(lab[25]),
        "5025211025-long.txt": form() + "reqest = 27\n" * 1000,
        "5025211026-huge.pcap": pcap(lab[26]),
        "5025211026-huge.txt": form() + "# \n" * 30_000,
        "5025211027-word.pcap": pcap(lab[27]),
        "5025211027-word.txt": b"PK\x03\x04" + bytes(range(256)),
        "zmq.pcap": pcap(lab[28]),
        "=HYPERLINK(1).pcap": pcap(lab[29]),
        "\x1b[2J\n\u202e.pcap": "not a capture",
        "catatan.docx": "PK",
        "foto.png": b"\x89PNG",
        "hilang.txt": form(),
        ".DS_Store": b"",
        "._5025211011-good.pcap": b"",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    (folder / "lama").mkdir()
    os.mkfifo(folder / "5025211028-pipe.pcap")
    (folder / "5025211029-gone.pcap").symlink_to("nowhere")


def test_every_flaw_is_in_its_line(tmp_path: Path) -> None:
    flawed(tmp_path)
    done = wire("--grade", tmp_path)
    assert done.stdout == (CAPTURES / "flaws.grade.txt").read_text()
    assert (done.returncode, done.stderr) == (2, "")


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    flawed(tmp_path)
    table = graded(tmp_path)
    whole = json.loads(wire("--grade", "--json", tmp_path).stdout)
    assert [list(row) for row in table] == [list(found) for found in whole["captures"]]
    for row, found in zip(table, whole["captures"], strict=True):
        for name, value in found.items():
            said = "; ".join(value) if isinstance(value, list) else str(value)
            said = {"True": "yes", "False": "no"}.get(said, said)
            assert row[name] in (said, f"'{said}")
    assert whole["class"]["captures"] == len(table)
    assert whole["class"]["complete"] == sum(row["complete"] == "yes" for row in table)
    assert whole["class"]["mistakes"]["TCP SYN, ACK taken for greeting_start"] == 1
    assert whole["others"] == ["catatan.docx", "foto.png", "lama/"]


def test_nothing_that_a_spreadsheet_or_a_terminal_obeys_is_written(tmp_path: Path) -> None:
    for name in "=1+1|+2|-3|@SUM(4)|＝5|\ttab|\r\n=6|\x1b]0;x\x07|7;=7| =8".split("|"):
        (tmp_path / f"{name}.pcap").write_text("=1")
    rows = graded(tmp_path)
    assert len(rows) == 10
    for row in rows:
        for part in row["file"].split(";"):  # where commas are decimal, cells end with one
            assert not re.match(r"\s*[=+\-@＝\t\r]", part)
        assert all(value.isprintable() for value in row.values())
    table = wire("--grade", tmp_path).stdout
    assert all(line.isprintable() for line in table.splitlines())


def test_the_header_is_for_programs_and_the_file_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "13522001-é.pcap").write_bytes(LAB_FILE.read_bytes())
    done = subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", "--grade", "--csv", tmp_path],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )
    head, row = done.stdout.decode("utf-8").splitlines()
    assert head.startswith(
        "number,file,complete,missing,number_found,other_numbers,copies,differences,form,right,asked"
    )
    assert head.endswith(",".join(f"answer_{key}" for key in QUESTIONS))
    assert row.startswith("13522001,13522001-é.pcap,yes,,no,")


# --- the number ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("5025211000.pcap", "yes"),
        ("5025211000-ani_2.pcap", "yes"),
        ("5025211000_ani.pcap", "yes"),
        ("5025211000 (1).pcapng", "yes"),
        ("502521100.pcap", "no"),
        ("50252110001.pcap", "no"),
        ("Received.pcap", "no"),
        ("apa kabar?.pcap", "no"),
    ],
)
def test_the_number_is_exact(name: str, found: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(LAB_FILE.read_bytes())
    (row,) = graded(tmp_path)
    assert row["number_found"] == found


def test_only_a_whole_number_of_another_is_named(tmp_path: Path) -> None:
    talk = Talk().shake()
    for said in b"2", b"halo 3", b"4 ", b"Hello", b"\x80\4K\5.":  # the last is a pickle of 5
        talk.say(0, b"\1\0\0" + bytes((len(said),)) + said)
    for name in "1", "2", "3", "4", "5", "Hello":
        (tmp_path / f"{name}.pcap").write_bytes(b"")
    (tmp_path / "1.pcap").write_bytes(talk.capture)
    assert [row["other_numbers"] for row in graded(tmp_path) if row["number"] == "1"] == ["2"]


def test_expect_asks_for_a_whole_request() -> None:
    assert wire("--expect", "5025211000", LAB_FILE).returncode == 0
    for part in "502521100", "5025211", "apa", "kabar?", "World":
        done = wire("--expect", part, LAB_FILE)
        assert "MISSING  no request is this text" in done.stdout
        assert done.returncode == 1


# --- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write",
    [
        str.encode,
        lambda form: form.replace("\n", "\r\n").encode(),
        lambda form: form.replace("\n", "\r").encode(),
        lambda form: form.encode("utf-8-sig"),
        lambda form: form.encode("utf-16"),
        lambda form: form.upper().encode(),
        lambda form: form.replace("=", ":").replace("_", "-").encode(),
        lambda form: form.replace("_", " ").replace(" = ", "=").encode(),
        lambda form: re.sub(r"(?m)$", "   # a comment = 3", form).encode(),
        lambda form: ("# nothing\n\n" * 500 + form).encode(),
        lambda form: (form + form).encode(),
        lambda form: form.replace("0.67", "0,67 ms").replace("= 27", "= packet 27").encode(),
    ],
)
def test_a_form_is_read_however_it_was_saved(write: Callable[[str], bytes]) -> None:
    found = marks(write(form()))
    assert [mark.verdict for mark in found.values()] == ["right"] * len(QUESTIONS)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("greeting_start", "17"),
        ("request", "25 27 29 25(Hello)"),
        ("subscribe", "45 #45 45–45 packet\t45"),
        ("size_byte", "0a 0A 0x0a a 05 0a(10) 0a,hex"),
        ("request_seq", "105 114 128"),
        ("reply_len", "9 24 24byte"),
        ("first_reply", "0.67 .67 ,67 0.672 0,672ms 672µs 672us 0.00067s"),
        ("push", "12 12packets"),
        ("job_ack", "13 50 54 58 62 13–50 #13"),
        ("jobs_lost", "4"),
    ],
)
def test_each_of_several_right_answers_is_right(key: str, values: str) -> None:
    for value in values.split(" "):
        assert marks(f"{key} = {value}")[key] == ("right", ""), value


@pytest.mark.parametrize(
    ("key", "value", "mistake"),
    [
        ("reply", "18", "TCP ACK taken for reply"),
        ("reply", "32", "TCP FIN taken for reply"),
        ("request", "14", "TCP SYN taken for request"),
        ("subscribe", "35", "TCP SYN, ACK taken for subscribe"),
        ("greeting_start", "16", "TCP ACK taken for greeting_start"),
        ("greeting_start", "21", "the rest of the greeting taken for greeting_start"),
        ("greeting_start", "19", "greeting of REP taken for greeting_start"),
        ("greeting_start", "37", "greeting of SUB taken for greeting_start"),
        ("greeting_start", "23", "READY of REQ taken for greeting_start"),
        ("request", "17", "greeting taken for request"),
        ("request", "21", "greeting taken for request"),
        ("reply", "24", "READY taken for reply"),
        ("request", "26", "reply taken for request"),
        ("reply", "27", "request taken for reply"),
        ("subscribe", "47", "message taken for subscribe"),
        ("subscribe", "71", "a packet that is not there taken for subscribe"),
        ("subscribe", "0", "a packet that is not there taken for subscribe"),
        ("subscribe", "12, 49, 53", "no number given for subscribe"),
        ("subscribe", "45 or 49", "no number given for subscribe"),
        ("subscribe", "45–48", "TCP ACK taken for subscribe"),
        ("subscribe", "45 dan 26", "reply taken for subscribe"),
        ("subscribe", "9" * 5000, "no number given for subscribe"),
        ("subscribe", "dua belas", "no number given for subscribe"),
        ("size_byte", "10", "the decimal size taken for size_byte"),
        ("size_byte", "00", "the size of the delimiter taken for size_byte"),
        ("size_byte", "01", "the flags taken for size_byte"),
        ("size_byte", "14", "another number taken for size_byte"),
        ("size_byte", "01 00 00 0a", "no number given for size_byte"),
        ("size_byte", "sepuluh", "no number given for size_byte"),
        ("request_seq", "740113405", "the raw sequence number taken for request_seq"),
        ("request_seq", "128", "the next sequence number taken for request_seq"),
        ("request_seq", "101", "the acknowledgment number taken for request_seq"),
        ("request_seq", "27", "another number taken for request_seq"),
        ("reply_len", "20", "the size of the text alone taken for reply_len"),
        ("reply_len", "90", "the length of the whole packet taken for reply_len"),
        ("reply_len", "28", "another number taken for reply_len"),
        ("first_reply", "0.30", "a round trip alone taken for first_reply"),
        ("first_reply", "0.00067", "seconds taken for milliseconds in first_reply"),
        ("first_reply", "2.6", "another time taken for first_reply"),
        ("first_reply", "nan", "no number given for first_reply"),
        ("push", "3", "requests taken for push"),
        ("push", "6", "requests and replies taken for push"),
        ("push", "20", "all packets taken for push"),
        ("push", "35", "all ports taken for push"),
        ("push", "13", "another number taken for push"),
        ("subscriber_data", "1", "SUBSCRIBE alone taken for subscriber_data"),
        ("subscriber_data", "14", "packets without data as well taken for subscriber_data"),
        ("subscriber_data", "12", "both directions taken for subscriber_data"),
        ("subscriber_data", "0", "another number taken for subscriber_data"),
        ("job_ack", "12", "job taken for job_ack"),
        ("job_ack", "48", "the ACK of something else taken for job_ack"),
        ("job_ack", "65", "what is no ACK alone taken for job_ack"),
        ("job_ack", "71", "a packet that is not there taken for job_ack"),
        ("job_ack", "?1.5", "no number given for job_ack"),
        ("jobs_lost", "5", "all jobs handed out taken for jobs_lost"),
        ("jobs_lost", "3", "the job under way left out of jobs_lost"),
        ("jobs_lost", "0", "another count taken for jobs_lost"),
        ("jobs_lost", "-4", "no number given for jobs_lost"),
    ],
)
def test_a_mistake_has_its_name(key: str, value: str, mistake: str) -> None:
    named = "request = 27\nreply = 28\n" if key in ("size_byte", "request_seq", "reply_len") else ""
    assert marks(f"{named}{key} = {value}")[key] == ("wrong", mistake)


def test_a_reply_is_that_of_the_request_that_was_named() -> None:
    found = marks("request = 25\nreply = 28")
    assert found["reply"].mistake == "another reply taken for reply"
    assert marks("request = 29\nreply = 30")["reply"].verdict == "right"


def test_what_is_read_in_a_packet_is_of_the_one_that_was_named() -> None:
    found = marks("request = 25\nreply = 26\nsize_byte = 05\nrequest_seq = 105\nreply_len = 9")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"right"}
    found = marks("request = 25\nreply = 26\nsize_byte = 0a\nrequest_seq = 128\nreply_len = 24")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"wrong"}
    found = marks("request = 16\nreply = 17\nsize_byte = 0a\nrequest_seq = 128\nreply_len = 24")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"right"}


def test_a_request_that_was_sent_again_has_its_reply_elsewhere() -> None:
    lost = [packet for packet in LAB if packet.number not in (26, 28, 30)]
    retried = numbered(lost + another("5025211001"))
    reply = str(len(lost) + 26)
    answers = f"request = 25\nreply = {reply}"
    assert {mark.verdict for mark in marks(answers, retried).values()} == {"right", "empty"}
    found = marks("request = 95\nreply = 26", numbered(another("5025211001") + lost))
    assert found["reply"].mistake == "another reply taken for reply"  # it came before the request


def test_an_ack_of_two_jobs_or_one_that_rides_is_the_first_that_acknowledges() -> None:
    pull, push = (bytes((10, 0, 0, 6)), 40002), (bytes((10, 0, 0, 7)), 9999)
    talk = Talk(pull, push).shake(b"PULL", b"PUSH").say(1, b"\0\5\x80\4K\3.", b"\0\5\x80\4K\4.")
    talk.add(0, ACK)
    talk.add(0, ACK)  # the same again, captured twice or sent twice
    talk.say(0, command(b"PING", b"\0\0")).say(1, b"\0\5\x80\4K\3.").close()
    taken = list(packets(io.BytesIO(talk.capture)))
    found = [marks(f"job_ack = {number}", taken)["job_ack"].verdict for number in range(1, 17)]
    right = [number for number, verdict in enumerate(found, 1) if verdict == "right"]
    assert right == [10, 11, 14]  # the last job is acknowledged by the FIN of its worker


def test_two_answers_to_a_question_are_none() -> None:
    assert marks("reply = 26\nreply = 28")["reply"].mistake == "no number given for reply"


@pytest.mark.parametrize("value", ["", " ", "?", "-", "...", "____", "# 14"])
def test_what_was_left_out_is_empty(value: str) -> None:
    assert marks(f"request = {value}")["request"] == ("empty", "")


def test_a_packet_that_was_captured_twice_is_right_both_times() -> None:
    twice = numbered([packet for packet in LAB for _ in range(2)])
    named = ("greeting_start", "request", "reply", "subscribe", "job_ack")
    for second in False, True:
        answers = {key: str(2 * int(RIGHT[key]) - 1 + second) for key in named}
        answers |= {key: str(2 * int(RIGHT[key])) for key in ("push", "subscriber_data")}
        found = marks(form(**answers), twice)
        assert {key for key, seen in found.items() if seen.verdict != "right"} == set()
    assert marks("reply = 36", twice)["reply"].mistake == "TCP ACK taken for reply"
    lacking = numbered([packet for packet in twice if packet.number not in (29, 30)])  # SYN, ACK
    found = marks("request = 48\nreply = 50", lacking)
    assert {found["request"].verdict, found["reply"].verdict} == {"right"}


def test_each_packet_of_a_message_that_is_cut_up_is_right() -> None:
    talk = Talk().shake().say(0, b"\1\0\0\6H").say(1, command(b"PING", b"\0\0"))
    talk.say(0, b"al", b"lo", b"!")
    taken = list(packets(io.BytesIO(talk.capture)))
    for number in "8", "10", "11", "12":
        assert marks(f"request = {number}", taken)["request"].verdict == "right"
    assert marks("request = 7", taken)["request"].mistake == "READY taken for request"
    assert marks("request = 9", taken)["request"].mistake == "ping taken for request"


def test_no_jobs_are_lost_by_a_worker_that_goes_on(tmp_path: Path) -> None:
    pull, push = (bytes((10, 0, 0, 6)), 40002), (bytes((10, 0, 0, 7)), 9999)
    talk = Talk(pull, push).shake(b"PULL", b"PUSH").say(1, b"\0\5\x80\4K\3.", b"\0\5\x80\4K\4.")
    for _ in range(2):
        taken = list(packets(io.BytesIO(talk.capture)))
        for count in "0", "1", "2":
            mistake = marks(f"jobs_lost = {count}", taken)["jobs_lost"].mistake
            assert mistake == "jobs_lost of a worker whose end is not in the capture"
        talk.add(1, FIN | ACK)  # PUSH ends, and the worker with it: that is no lost worker
        talk.add(0, FIN | ACK)


def test_no_one_knows_how_many_jobs_a_worker_lost_that_had_some_before_the_capture() -> None:
    later = numbered([packet for packet in LAB if packet.number > 48])
    for count in "3", "4", "5":
        mistake = marks(f"jobs_lost = {count}", later)["jobs_lost"].mistake
        assert mistake == "jobs_lost of a worker whose beginning is not in the capture"
    assert marks("jobs_lost = 4", numbered(LAB[3:]))["jobs_lost"].verdict == "right"


@pytest.mark.parametrize("name", ["jawaban.txt", "jawaban.en.txt"])
def test_the_empty_form_asks_for_everything_once(name: str, tmp_path: Path) -> None:
    empty = (ROOT / "docs" / name).read_text()
    assert re.findall(r"^(\w+) *=", empty, re.M) == list(QUESTIONS)
    assert len(QUESTIONS) <= 12 and all(len(line) <= 100 for line in empty.splitlines())
    filled = re.sub(r"(?m)^(\w+) *= *", lambda key: f"{key[1]} = {RIGHT[key[1]]} ", empty)
    counts = "0 right, 0 wrong, 12 empty", "12 right, 0 wrong, 0 empty"
    for written, said in zip((empty, filled), counts, strict=True):
        (tmp_path / name).write_text(written)
        done = wire(LAB_FILE, "--check", "--answers", tmp_path / name)
        assert done.stdout.splitlines()[-1] == f"answers: {said}, of 12"
        assert done.returncode == int(written == empty)


def test_a_student_gets_the_count_and_not_the_solutions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(form(reply="18", subscribe="") + "reqest = 3\n\x1b[2J\n")
    done = wire(LAB_FILE, "--answers", tmp_path / "a.txt")
    *table, count, odd = done.stdout.splitlines()
    assert len(table) == 14
    assert all(row.endswith(" found") for row in table[1:])  # in which packets, the student says
    assert count == "answers: 10 right, 1 wrong, 1 empty, of 12"
    assert odd == 'no answer to a question: "reqest = 3", "\\x1b[2J"'
    assert done.returncode == 1


def test_a_form_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("#" * 70_000)
    for name, why in [
        ("none.txt", "No such file or directory"),
        (".", "not a file"),
        ("long.txt", "longer than 65,536 bytes: not read"),
    ]:
        done = wire(LAB_FILE, "--answers", name, cwd=tmp_path)
        assert done.stderr == f"wirezmq.py: {name}: {why}\n"
        assert done.returncode == 2


# --- copies -------------------------------------------------------------------------------------


def as_pcapng(packets: list[Packet], folder: Path) -> bytes:
    story, copy, out = Story(keep=False), Annotated(str(folder)), io.BytesIO()
    read(stream(pcap(packets)), story, copy.look, copy=copy.copy)
    copy.write(out, story)
    return out.getvalue()


def shorter(packets: list[Packet], keep: Callable[[Packet], bool]) -> list[Packet]:
    return [packet for packet in packets if keep(packet)]


SAME = "same as 1-first.pcap: "
BY = " (sequence numbers, TCP timestamps, rhythm)"
ALL = " (sequence numbers, TCP timestamps, rhythm, texts)"
COPIES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "renamed": (lambda _: pcap(LAB), "byte for byte"),
    "cut": (
        lambda _: pcap(LAB[:33]),
        f"2 of 2 connections{BY}, 33 packets instead of 70",
    ),
    "headless": (
        lambda _: pcap(LAB[20:]),
        f"3 of 3 connections{BY}, 50 packets instead of 70",
    ),
    "filtered": (
        lambda _: pcap(shorter(LAB, lambda packet: 5555 in ports(packet))),
        f"1 of 1 connection{BY}, 20 packets instead of 70",
    ),
    "only ZMTP": (
        lambda _: pcap(shorter(LAB, lambda packet: len(packet.data) > 66 + 8)),
        "3 of 3 connections (sequence numbers), 30 packets instead of 70",
    ),
    "merged": (
        lambda _: pcap(LAB + another("5025211001")),
        f"3 of 6 connections{BY}, 140 packets instead of 70",
    ),
    "pcapng": (
        lambda folder: as_pcapng(LAB, folder),
        f"3 of 3 connections{ALL}, another file format",
    ),
    "packed": (
        lambda _: gzip.compress(pcap(LAB)),
        f"3 of 3 connections{ALL}, another file format",
    ),
    "replaced": (
        lambda _: pcap(text(LAB, NUMBER, b"5025211999")),
        f'3 of 3 connections{ALL}, "5025211999" instead of "5025211000" and 1 more',
    ),
    "later": (
        lambda _: pcap([packet._replace(time=packet.time + 3_600_000_000_000) for packet in LAB]),
        f"3 of 3 connections{ALL}, clock +3600.000000 s",
    ),
    "headless, later and replaced": (
        lambda _: pcap(
            packet._replace(time=packet.time + 3_600_000_000_000)
            for packet in text(LAB[24:], NUMBER, b"5025211999")
        ),
        f"3 of 3 connections{BY}, 46 packets instead of 70, clock +3600.000000 s, "
        '"5025211999" instead of "5025211000" and 1 more',
    ),
    "addresses": (
        lambda _: pcap(text(LAB, bytes((127, 0, 0, 1)), bytes((10, 1, 2, 3)))),
        f"3 of 3 connections{ALL}, other addresses",
    ),
    "checksums": (
        lambda _: pcap([packet._replace(data=b"\1" + packet.data[1:]) for packet in LAB]),
        f"3 of 3 connections{ALL}, no difference in what is told",
    ),
}


def ports(packet: Packet) -> list[int]:
    return [int.from_bytes(packet.data[34:36]), int.from_bytes(packet.data[36:38])]


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(how: str, tmp_path: Path) -> None:
    make, differs = COPIES[how]
    (tmp_path / "2-copy.pcap").write_bytes(make(tmp_path))
    (tmp_path / "1-first.pcap").write_bytes(pcap(LAB))
    (tmp_path / "3-other.pcap").write_bytes(pcap(another("5025211003")))
    first, copy, other = graded(tmp_path)
    assert (first["copies"], first["differences"]) == ("2-copy.pcap", "same in 2-copy.pcap")
    assert (copy["copies"], copy["differences"]) == ("1-first.pcap", SAME + differs)
    assert (other["copies"], other["differences"]) == ("", "")


def test_copies_made_with_the_tools_of_wireshark_are_found(
    wireshark: Tool, tshark: Tool, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "1-first.pcap").write_bytes(LAB_FILE.read_bytes())
    (tmp_path / "other").write_bytes(pcap(another("5025211001")))
    options = "-o zmtp.tcp.port:5555,9999,12345 -r 1-first.pcap".split()
    tshark([*options, "-Y", "zmtp", "-w", "2-zmtp.pcapng"], tmp_path)
    tshark([*options, "-Y", "tcp.port==9999", "-F", "nsecpcap", "-w", "3-job.pcap"], tmp_path)
    wireshark(["editcap", "-r", "1-first.pcap", "4-half.pcapng", "1-33"], tmp_path)
    wireshark(["mergecap", "-w", "5-merged.pcap", "other", "1-first.pcap"], tmp_path)
    (tmp_path / "other").unlink()
    first, *rest = graded(tmp_path)
    assert first["copies"].split("; ") == [row["file"] for row in rest]
    assert [row["differences"].partition(" (")[0] for row in rest] == [
        SAME + "3 of 3 connections",
        SAME + "1 of 1 connection",
        SAME + "2 of 2 connections",
        SAME + "3 of 6 connections",
    ]


def test_a_group_of_copies_names_the_first_and_the_others(tmp_path: Path) -> None:
    for number in range(1, 7):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(LAB))
    rows = graded(tmp_path)
    assert rows[0]["differences"] == "same in 2.pcap, 3.pcap, 4.pcap and 2 more"
    assert rows[5]["differences"] == (
        "same as 1.pcap: byte for byte; also in 2.pcap, 3.pcap, 4.pcap and 1 more"
    )
    for index, row in enumerate(rows, 1):
        others = {f"{number}.pcap" for number in range(1, 7)} - {f"{index}.pcap"}
        assert set(row["copies"].split("; ")) == others


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from(list(QUESTIONS)), st.text(max_size=60))
def test_no_form_ends_in_an_error(data: bytes, key: str, value: str) -> None:
    for written in data, f"{key} = {value}".encode(errors="replace"), b"\xff\xfe" + data:
        for mark in marks(written, LAB[:30]).values():
            assert mark.verdict in ("right", "wrong", "empty")
            assert bool(mark.mistake) == (mark.verdict == "wrong")
            assert mark.mistake.isprintable()
    assert all(line.isprintable() for line in parse(data).odd)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(24, 6678), st.integers(0, 255)), max_size=40))
def test_no_capture_ends_in_an_error(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(LAB_FILE.read_bytes())
    for at, value in changes:
        data[at] = value
    (tmp_path / "1.pcap").write_bytes(data)
    (tmp_path / "1.txt").write_text(form())
    (tmp_path / "2.pcap").write_bytes(LAB_FILE.read_bytes())
    held = []
    for submission in handed_in([str(tmp_path)]).submissions:
        row, captures = grade(submission, {"1": "1", "2": "2"}, PORTS)
        assert len(cells(row)) == 7
        held += captures
    assert [len(copy.others) for copy in copies(held)] in ([0, 0], [1, 1])


def test_a_merged_capture_names_both_that_it_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "1.pcap").write_bytes(pcap(LAB))
    (tmp_path / "2.pcap").write_bytes(pcap(another("5025211002")))
    (tmp_path / "3.pcap").write_bytes(pcap(LAB + another("5025211002")))
    assert graded(tmp_path)[2]["differences"] == (
        f"same as 1.pcap: 3 of 6 connections{BY}, 140 packets instead of 70; "
        f"same as 2.pcap: 3 of 6 connections{BY}, 140 packets instead of 70"
    )


def test_two_students_who_shared_a_machine_are_no_copies(tmp_path: Path) -> None:
    for number, first in enumerate((1_000, 900_000, 3_000_000_000)):
        talk = Talk(first=first).shake().say(0, b"\1\0\0\1" + str(number).encode())
        (tmp_path / f"{number}.pcap").write_bytes(talk.capture)
    rows = graded(tmp_path)
    assert [row["number_found"] for row in rows] == ["yes"] * 3
    assert [row["copies"] for row in rows] == [""] * 3
    one, other = Talk(), Talk()
    other.next[1] += 1 << 20  # of the two sequence numbers, only the client's is the same
    (tmp_path / "8.pcap").write_bytes(one.shake().say(0, b"\1\0\0\0018").capture)
    (tmp_path / "9.pcap").write_bytes(other.shake().say(0, b"\1\0\0\0019").capture)
    assert [row["copies"] for row in graded(tmp_path)[-2:]] == ["0.pcap", ""]


def test_what_could_not_be_compared_is_said(tmp_path: Path) -> None:
    many = b"".join(
        Talk(client=(bytes((10, 0, 0, 2)), 40000 + port), first=port << 20).shake().capture[24:]
        for port in range(201)
    )
    (tmp_path / "1.pcap").write_bytes(pcap([]) + many)
    (tmp_path / "2.pcap").write_bytes(pcap([packet for packet in LAB if ports(packet)[1] < 32768]))
    assert [row["notes"] for row in graded(tmp_path)] == [
        "compared with others: only its first 200 connections",
        "none of its connections can be compared with those of others",
    ]
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB) + many)
    done = wire("--grade", tmp_path / "5025211000.pcap")
    assert "5025211000  complete  yes          -       no form" in done.stdout
    assert done.returncode == 1  # there is something to look at


def test_a_file_that_is_named_twice_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB))
    (tmp_path / "5025211000.txt").write_text(form())
    done = wire("--grade", ".", "5025211000.pcap", tmp_path, "5025211000.txt", cwd=tmp_path)
    assert "5025211000  complete  yes          -       12 of 12" in done.stdout
    assert done.stdout.count("5025211000.") == 1
    assert done.returncode == 0
    (tmp_path / "5025211001.pcap").symlink_to("5025211000.pcap")  # who hands this in has a line
    assert [row["copies"] for row in graded(tmp_path)] == ["5025211001.pcap", "5025211000.pcap"]


def test_no_false_alarm_among_many_captures(tmp_path: Path) -> None:
    for number in range(200):
        name = f"{5025212000 + number}"
        (tmp_path / f"{name}.pcap").write_bytes(pcap(another(name)))
    done = wire("--grade", tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "200 handed in: 200 complete, 200 with their number, 0 that share connections, "
        "0 not read in full"
    )


# --- what else may be there ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grade", "empty"], "wirezmq.py: no captures there to grade\n"),
        (["--grade", "--csv", "empty"], "wirezmq.py: no captures there to grade\n"),
        (["--grade", "kelas/"], "wirezmq.py: kelas/: No such file or directory\n"),
        (["--grade", "\x1b"], "wirezmq.py: \\x1b: No such file or directory\n"),
    ],
)
def test_nothing_to_grade_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = wire(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.mark.parametrize(
    "arguments",
    ["--grade .", "--grade --csv .", "--grade --json .", "--check 1.pcap --answers 1.txt"],
)
def test_a_full_disk_is_one_line(arguments: str, tmp_path: Path) -> None:
    (tmp_path / "1.pcap").write_bytes(LAB_FILE.read_bytes())
    (tmp_path / "1.txt").write_text(form())
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, ROOT / "wire/wirezmq.py", *arguments.split()],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    said = "wirezmq.py: its output: not written: No space left on device"
    assert set(done.stderr.splitlines()) == {said}
    assert done.returncode == 2


def test_one_file_that_is_not_there_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB))
    done = wire("--grade", "5025211000.pcap", "5025211001.pcap", cwd=tmp_path)
    assert done.stdout.splitlines()[1].split()[:3] == ["5025211000", "complete", "yes"]
    assert done.stderr == "wirezmq.py: 5025211001.pcap: No such file or directory\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--grade"],
        ["--grade", "-"],
        ["--grade", "--check", "."],
        ["--grade", "--expect", "1", "."],
        ["--grade", "--pcapng", "a.pcapng", "."],
        ["--grade", "--number", "(", "."],
        ["--number", "[0-9]+", "a.pcap"],
        ["--feedback", "out", "a.pcap"],
        ["--grade", "--csv", "--json", "."],
        ["--csv", "a.pcap"],
        ["--answers", "a.txt", "a.pcap", "b.pcap"],
        ["--answers", "a.txt", "-"],
    ],
)
def test_what_does_not_go_together_is_bad_usage(arguments: list[str], tmp_path: Path) -> None:
    done = wire(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"wirezmq.py: error: .*", done.stderr.splitlines()[-1])


def test_a_capture_is_known_by_what_is_in_it_too(tmp_path: Path) -> None:
    (tmp_path / "5025211000").write_bytes(pcap(LAB))
    (tmp_path / "5025211001.png").write_bytes(b"\x89PNG")
    for there in tmp_path, tmp_path / "5025211000":
        assert [(row["file"], row["form"]) for row in graded(there)] == [("5025211000", "no")]
    (tmp_path / "5025211000.txt").write_text(form())
    for there in tmp_path, tmp_path / "5025211000":
        assert [row["right"] for row in graded(there)] == ["12"]


def test_how_far_it_is_shows_after_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(clock) * 0.6)
    assert list(progress("abcd", lambda item: f"at {item}")) == list("abcd")
    assert capsys.readouterr().err == "\rat b\x1b[K\rat c\x1b[K\rat d\x1b[K\r\x1b[K"
    assert list(progress("a", lambda item: f"at {item}")) == ["a"]
    assert capsys.readouterr().err == ""


def test_a_class_says_how_far_it_is_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(LAB))
    clock = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: next(clock) * 0.6)
    options = Namespace(captures=[str(tmp_path)], csv=False, json=False, ports=PORTS)
    options.number = options.html = options.feedback = None
    for terminal, said in (False, False), (True, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        grade_class(options)
        assert ("\r2 of 3 hand-ins" in capsys.readouterr().err) == said


def test_a_wild_class_ends_in_a_table(tmp_path: Path) -> None:
    syns = [ethernet(tcp((bytes(4), port), (bytes(4), 5555), 1, 0, SYN)) for port in range(300)]
    loud = Talk().shake()
    for _ in range(2000):
        loud.say(0, b"\0\n5025211000" * 100)
    (tmp_path / "1.pcap").write_bytes(pcap(list(packets(io.BytesIO(loud.capture)))))
    (tmp_path / "1.txt").write_text("request = 8\nreply = 9\ngreeting_start = 4")
    (tmp_path / "2.pcap").write_bytes(Talk().capture + b"".join(syns))
    rows = graded(tmp_path)
    assert [row["right"] for row in rows] == ["2", "0"]
    assert rows[0]["mistakes"] == "request taken for reply"
    assert rows[1]["error"].startswith("cut short in packet 2")
