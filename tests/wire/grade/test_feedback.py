"""The text for each student is in the student's language, whatever it says."""

import gzip
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from conftest import ROOT
from grade.classes import graded_class
from grade.feedback import feedback
from grade.form import ALL
from grade.submissions import handed_in
from kelas import LAB, LATE, another, form, pcap
from output.language import speaking
from zmtp.patterns import PORTS

CATALOGUE = ROOT / "wire/output/locale/id/LC_MESSAGES/zmq-wire.po"
WORD = re.compile(r"(?<![\w{])[A-Za-z]{2,}(?![\w}])")
CAPTURES = {  # what is wrong with a capture -> its bytes
    "nothing": pcap(LAB),
    "late": pcap(LAB[LATE:]),
    "no subscriber": pcap(LAB[:33]),
    "no packet": pcap([]),
    "empty": b"",
    "cut": pcap(LAB)[:3000],
    "damaged": pcap(LAB[:30]) + b"\xff" * 400,
    "half a gzip": gzip.compress(pcap(LAB))[:-40],
    "text": b"tcpdump: listening on br-zmq\n",
    "picture": b"\x89PNG\r\n",
    "zstd": b"\x28\xb5\x2f\xfd" * 9,
    "nothing known": bytes(range(99)),
}
FORMS: dict[str, str | bytes] = {  # what is wrong with a form -> its bytes
    "nothing": form(),
    "numbers": form(request="25", reply="26", size_byte="05", request_seq="105", reply_len="9"),
    "packets": form(
        greeting_start="21", request="26", reply="99", subscribe="12", size_byte="01", job_ack="65"
    ),
    "others": form(greeting_start="19", request="29", reply="23", subscribe="47", job_ack="48"),
    "counts": form(push="6", subscriber_data="12", request_seq="128", reply_len="20"),
    "times": form(first_reply="0.30", size_byte="10", push="35", subscriber_data="14"),
    "seconds": form(first_reply="0.00067", jobs_lost="3", reply_len="90", job_ack="12"),
    "lines": form(reply="", jobs_lost="x") + "".join(f"{n}) ?? {n}\n" for n in range(9)),
    "no text": b"\x89PNG\r\n",
    "damaged": b"PK\x03\x04" + bytes(99),
    "long": "#" * 70_000,
}


def words(texts: object) -> set[str]:
    """Return the words in texts, in small letters, without what is filled in."""
    return {word.casefold() for word in WORD.findall(str(texts))}


@pytest.fixture(scope="module")
def english() -> set[str]:
    """Return the words that are ours in English, and in no Indonesian text."""
    with CATALOGUE.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    return words([m.id for m in messages]) - words([m.string for m in messages]) - words([*ALL])


@pytest.mark.parametrize("task", [0, 1, 2, 3])
@pytest.mark.parametrize("wrong", CAPTURES)
def test_no_english_word_is_left_of_a_capture(
    wrong: str, task: int, english: set[str], tmp_path: Path
) -> None:
    (tmp_path / "5025211000.pcap").write_bytes(CAPTURES[wrong])
    said = spoken(tmp_path, task)
    assert words(said) & english == set(), said
    if wrong == "nothing" and not task:
        assert said.count(": ditemukan") == 13


@pytest.mark.parametrize("wrong", FORMS)
def test_no_english_word_is_left_of_a_form(wrong: str, english: set[str], tmp_path: Path) -> None:
    written = FORMS[wrong]
    data = written if isinstance(written, bytes) else written.encode()
    for number in "5025211000", "5025211001":
        (tmp_path / f"{number}.txt").write_bytes(data)
    (tmp_path / "5025211000.pcap").write_bytes(pcap(another("5025211000")))
    said = spoken(tmp_path)
    assert words(said) & english == set(), said
    assert "3 pesan bertopik itu: ditemukan" in said and "Tidak ada rekaman" in said


def spoken(folder: Path, task: int = 0) -> str:
    """Return the feedback on a folder in Indonesian; it is graded in English before, as always."""
    rows = graded_class(handed_in([str(folder)]), PORTS, task)
    with speaking("id"):
        return "\n".join(line for row in rows for line in feedback(row))
