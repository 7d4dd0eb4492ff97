"""The form of answers, however it was filled and saved."""

import zipfile
from pathlib import Path

import pytest

from grade.form import EARLIER, QUESTIONS, FormError, milliseconds, numbers, parse, read_form
from kelas import RIGHT, form


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("14", [14]),
        ("#14", [14]),
        ("14 (the ZMTP one)", [14]),
        ("14 (ZMTP 3.1, not 28)", [14]),
        ("packet\t14", [14]),
        ("39–47", [39, 47]),
        ("39-47", [39, 47]),
        ("8 dan 9", [8, 9]),
        ("8, 9", [8, 9]),
        ("14 = 14", [14]),
        ("8, 9, 10", []),
        ("8 or 9", []),
        ("8 atau 9", []),
        ("-14", []),
        ("14.5", []),
        ("9" * 11, []),
        ("", []),
    ],
)
def test_packet_numbers(value: str, found: list[int]) -> None:
    assert numbers(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0.30", 0.3),
        (".3", 0.3),
        ("0,30 ms", 0.3),
        ("409 µs", 0.409),
        ("409us", 0.409),
        ("0.00239 s", 2.39),
        ("0,00239 detik", 2.39),
        ("0.00239", 0.00239),
        ("1 ms or 2 ms", None),
        ("-1", None),
        ("satu", None),
    ],
)
def test_times(value: str, found: float | None) -> None:
    assert milliseconds(value) == found


@pytest.mark.parametrize(
    "line",
    [
        b"request = 14", b"request: 14", b"request\t14", b"request 14", b"Request - 14 = 14",
        b"request = #14", b"request = 14 # the first = 3", b"request,14", b'"request";"14"',
    ],
)  # fmt: skip
def test_a_line_is_read_however_it_is_written(line: bytes) -> None:
    found = parse(line)
    if b" - " in line:
        assert found.answers == {} and found.odd  # what that says no one can tell
    else:
        assert [numbers(value) for value in found.answers.values()] == [[14]]
        assert list(found.answers) == ["request"] and not found.odd


def test_an_empty_line_is_no_answer() -> None:
    assert parse(b"request =\nreply = -\njob\n").answers == {}


def document(path: Path, name: str, paragraph: str) -> None:
    text = "".join(paragraph.format(line) for line in form().splitlines())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, f"<x>{text}</x>")


def test_a_document_is_read(tmp_path: Path) -> None:
    document(tmp_path / "a.docx", "word/document.xml", "<w:p><w:r><w:t>{}</w:t></w:r></w:p>")
    document(tmp_path / "a.odt", "content.xml", "<text:p>{}</text:p>")
    (tmp_path / "a.csv").write_text("".join(f"{key},{value}\n" for key, value in RIGHT.items()))
    for path in tmp_path.iterdir():
        assert read_form(str(path)).answers == RIGHT, path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{\\rtf1 request = 14}", "an RTF document, not a text: not read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Word document, not a text: not read"),
        (b"%PDF-1.7", "a PDF document, not a text: not read"),
        (b"PK\x03\x04" + bytes(100), "a document that is damaged: not read"),
    ],
)
def test_what_is_no_text_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "form").write_bytes(data)
    with pytest.raises(FormError, match=said):
        read_form(str(tmp_path / "form"))


def test_a_document_that_unpacks_to_much_is_read_no_further(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:p>request = 14</w:p>" + " " * (64 << 20))
    assert read_form(str(tmp_path / "a.docx")).answers == {"request": "14"}


def test_the_form_that_was_handed_out_before_is_marked_by_what_it_asks() -> None:
    earlier = parse(b"greeting_req = 9\nrequest = 12\njobs_lost =")
    assert earlier.odd == [] and list(earlier.questions) == list(EARLIER)
    assert list(parse(b"request = 12\njobs_lost = 4").questions) == list(QUESTIONS)
