"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.files import packets
from classes import LAB_FILE, graded, marks, wire
from conftest import ROOT
from grade.copies import copies
from grade.form import QUESTIONS
from grade.graded import grade
from grade.submissions import handed_in
from grade.table import cells
from kelas import CAPTURES, LAB, LATE, SAMPLE, another, form, pcap, sample, text
from wire_packets import SYN, Talk, ethernet, tcp
from zmtp.patterns import PORTS


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


def test_what_is_read_in_a_packet_is_of_the_one_that_was_named() -> None:
    found = marks("request = 25\nreply = 26\nsize_byte = 05\nrequest_seq = 105\nreply_len = 9")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"right"}
    found = marks("request = 25\nreply = 26\nsize_byte = 0a\nrequest_seq = 128\nreply_len = 24")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"wrong"}
    found = marks("request = 16\nreply = 17\nsize_byte = 0a\nrequest_seq = 128\nreply_len = 24")
    assert {found[key].verdict for key in ("size_byte", "request_seq", "reply_len")} == {"right"}


def test_a_student_gets_the_count_and_not_the_solutions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(form(reply="18", subscribe="") + "reqest = 3\n\x1b[2J\n")
    done = wire(LAB_FILE, "--answers", tmp_path / "a.txt")
    *table, count, odd = done.stdout.splitlines()
    assert len(table) == 14
    assert all(row.endswith(" found") for row in table[1:])  # in which packets, the student says
    assert count == "answers: 10 right, 1 wrong, 1 empty, of 12"
    assert odd == 'no answer to a question: "reqest = 3", "\\x1b[2J"'
    assert done.returncode == 1


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
