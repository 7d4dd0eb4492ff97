"""The table of a class, with its reasons: for people, programs, and each student."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from conftest import ROOT
from grade.feedback import write_feedback
from grade.graded import Graded
from grade.submissions import File, Submission
from kelas import CAPTURES, LAB, another, form, pcap
from output import language

CLASSES = CAPTURES / "classes"
HAND_INS = {
    "5025241001": form(),
    "5025241002": form(reply="20", request="21", first_reply="0,00067"),
    "5025241003": form(job_ack="", jobs_lost="4", subscribe="45 dan 12", reply="26"),
}


def wire(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "wire/wirezmq.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture
def hand_ins(tmp_path: Path) -> Path:
    folder = tmp_path / "kelas"
    folder.mkdir()
    for number, answers in HAND_INS.items():
        (folder / f"{number}.pcap").write_bytes(pcap(another(number)))
        (folder / f"{number}.txt").write_text(answers)
    return folder


def test_each_answer_has_its_reason(hand_ins: Path) -> None:
    first, second, third = json.loads(wire("--grade", "--json", hand_ins).stdout)["captures"]
    assert (first["given_request"], first["answer_request"], first["why_request"]) == (
        *("27", "right"),
        "",
    )
    assert (second["given_reply"], second["answer_reply"]) == ("20", "wrong")
    assert (second["why_reply"], second["correct_reply"]) == ("TCP ACK taken for reply", "28")
    assert second["why_first_reply"] == "seconds taken for milliseconds in first_reply"
    assert (third["given_job_ack"], third["answer_job_ack"]) == ("", "empty")
    assert third["correct_job_ack"] == "13"
    assert (third["answer_jobs_lost"], third["answer_subscribe"]) == ("right", "wrong")
    assert third["why_subscribe"] == "job taken for subscribe"
    assert third["correct_jobs_lost"] == "4"
    assert third["why_reply"] == "a reply, but not to the request with your number"
    assert (third["correct_request"], third["correct_reply"]) == ("27", "28")


def test_exit_0_means_that_all_is_complete_and_right(tmp_path: Path) -> None:
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB))
    assert wire("--grade", tmp_path).returncode == 0  # a class without forms
    (tmp_path / "5025211000.txt").write_text(form())
    assert wire("--grade", tmp_path).returncode == 0
    (tmp_path / "5025211001.pcap").write_bytes(pcap(another("5025211001")))
    assert wire("--grade", tmp_path).returncode == 1  # others have a form
    (tmp_path / "5025211001.txt").write_text(form())
    assert wire("--grade", tmp_path).returncode == 0
    (tmp_path / "5025211002.txt").write_text(form())
    assert wire("--grade", tmp_path).returncode == 1  # no capture
    (tmp_path / "5025211002.txt").write_text(form(job_ack=""))
    (tmp_path / "5025211002.pcap").write_bytes(pcap(another("5025211002")))
    assert wire("--grade", tmp_path).returncode == 1


def test_no_student_vanishes() -> None:
    done = wire("--grade", CLASSES / "mixed")
    lines = done.stdout.splitlines()[1:6]
    assert [line.split()[0] for line in lines] == [f"502524100{n}" for n in range(1, 6)]
    assert [line[12:20].strip() for line in lines] == [
        *("complete", "NO FILE", "complete", "complete", "NO FILE"),
    ]
    assert done.returncode == 1


def test_forms_are_found_beside_and_all_names_are_printed() -> None:
    lines = wire("--grade", CLASSES / "forms-beside").stdout.splitlines()[1:7]
    assert ["12 of 12" in line for line in lines] == [True] * 6
    assert lines[0].endswith("also handed in: 5025241001-percobaan2.pcap")
    assert lines[5].endswith("also handed in: 5025241006-kosong.txt")


def test_each_number_is_one_and_is_shown() -> None:
    lines = wire("--grade", CLASSES / "numbers").stdout.splitlines()[1:5]
    numbers = ["21-477890-TK", "A11.21.135", "A11.21.136", "H1D0220155"]
    assert [line.split()[:3] for line in lines] == [[n, "complete", "yes"] for n in numbers]
    assert all("12 of 12" in line for line in lines)  # with the form that was handed out before
    given = wire("--grade", "--number", "[0-9]{3}$", CLASSES / "numbers").stdout.splitlines()[1:]
    assert [line.split()[0] for line in given[:4]] == ["?", "135", "136", "155"]


def test_wrong_answers_of_another_are_noticed_and_counted_once(tmp_path: Path) -> None:
    answers = form(reply="20", request="16", subscribe="46")
    for number in range(5025241001, 5025241007):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(another(str(number))))
        (tmp_path / f"{number}.txt").write_text(answers)
    (tmp_path / "5025241009.pcap").write_bytes(pcap(another("5025241009")))
    (tmp_path / "5025241009.txt").write_text(form(reply="20"))
    whole = json.loads(wire("--grade", "--json", tmp_path).stdout)
    assert whole["class"]["took_tcp_for_zmtp"] == 2
    assert whole["class"]["same_forms"] == 6
    assert whole["class"]["mistakes"]["TCP ACK taken for reply"] == 2
    assert len(whole["captures"][0]["same_form"]) == 5
    assert whole["captures"][6]["same_form"] == []
    table = wire("--grade", tmp_path).stdout
    assert "the same wrong answers as in 5025241002.pcap, 5025241003.pcap" in table
    assert "6 with the wrong answers of another, word for word" in table


@pytest.mark.xdist_group("browser")  # one worker has it
def test_the_page_can_be_read_sorted_and_loads_nothing(
    hand_ins: Path, browser: Browser, tmp_path: Path
) -> None:
    (hand_ins / "5025241002.pcap").write_bytes(b"<script>alert(1)</script>\n")
    done = wire("--grade", "--html", tmp_path / "kelas.html", hand_ins)
    assert done.returncode == 2 and done.stdout.startswith("number")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content((tmp_path / "kelas.html").read_text())
    first = page.locator("tbody tr >> nth=0 >> td >> nth=0")
    assert first.inner_text() == "5025241001"
    page.get_by_role("button", name="answers").click()
    number = page.locator("th").filter(has_text=re.compile("^number$"))
    number.get_by_role("button").click()
    number.get_by_role("button").click()
    assert first.inner_text() == "5025241003"
    assert number.get_attribute("aria-sort") == "descending"
    page.get_by_text("answers", exact=True).last.click()
    assert page.get_by_text("TCP ACK taken for").count() == 0
    assert asked == []
    page.close()


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "reply: TCP ACK taken for reply"),
        ("id", "reply: TCP ACK dikira reply"),
    ],
)
def test_feedback_names_mistakes_and_gives_no_answer_away(
    lang: str, said: str, hand_ins: Path, tmp_path: Path
) -> None:
    done = wire("--grade", "--feedback", tmp_path / "balasan", "--lang", lang, hand_ins)
    assert done.stderr == f"{tmp_path / 'balasan'}: written, for each student a text\n"
    assert "TCP ACK taken for reply" in done.stdout  # the table is for the lecturer
    texts = {path.stem: path.read_text() for path in (tmp_path / "balasan").iterdir()}
    assert sorted(texts) == sorted(HAND_INS)
    assert said in texts["5025241002"]
    for text in texts.values():
        answers = [line for line in text.splitlines() if re.match("  [+ -] ", line)]
        assert len(answers) == 12
        for line in answers:
            assert not any(character.isdigit() for character in line.partition(":")[2])


def test_a_folder_that_cannot_be_written_is_one_line(hand_ins: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = wire("--grade", "--feedback", tmp_path / "file", hand_ins)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "not written" in done.stderr


def test_hostile_names_stay_in_the_folder(tmp_path: Path) -> None:
    language.speak("en")
    for name in "../../x", "/etc/passwd", "..", "a\nb", "é" * 200:
        row = Graded(Submission([], [File("x", name)]), name)
        write_feedback(str(tmp_path / "out"), [row, row])
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "out"}
