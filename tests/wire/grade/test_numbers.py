"""Whose a file is: the student's number in its name."""

import re

import pytest

from grade.numbers import Numbers, candidates, plain, ways


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("A11.21.135", "A11.21.135"),
        ("a11.2021.13579_budi", "a11.2021.13579"),
        ("21-477890-TK", "21-477890-TK"),
        ("H1D0220155", "H1D0220155"),
        ("NIM 5025241001", "5025241001"),
        ("NIM5025241001", "5025241001"),
        ("nrp_5025241001 zmq", "5025241001"),
        ("Made_5025241001", "5025241001"),
        ("13-5025241001", "5025241001"),
        ("5025241001-percobaan12", "5025241001"),
        ("5025241001 (1)", "5025241001"),
        ("5025241001_2026-11-27_1430", "5025241001"),
        ("zmq-20261127-5025241001-told", "5025241001"),
        ("5025241001 Dewi_90211_assignsubmission_file_", "5025241001"),
        ("Dewi_90211_assignsubmission_file_", "90211"),
        ("7", "7"),
    ],
)
def test_a_number_is_one_number(name: str, number: str) -> None:
    assert Numbers([name]).of(name) == [number]
    many = [f"50252410{student}" for student in range(11, 40)]
    if re.fullmatch("[0-9]{10}", number):  # also in a class whose names are of many kinds
        assert Numbers([*many, "21-477890-TK", "zmq 2", name]).of(name) == [number]


def test_the_pattern_that_most_of_a_class_share_is_the_number() -> None:
    numbered = [f"{at:02}-2{at:02}310045" for at in range(30)]  # a running number, then one of 9
    assert Numbers(numbered).of("07-207310045") == ["207310045"]
    joined = [f"21-4778{at:02}-TK" for at in range(30)]
    assert Numbers(joined).of("21-477807-TK") == ["21-477807-TK"]
    short = [f"kelas3-praktikum2-{at}" for at in range(100, 130)]
    assert Numbers(short).of("kelas3-praktikum2-117") == ["117"]


def test_capitals_do_not_matter_in_the_code_at_the_end() -> None:
    names = ["21-477890-TK", "21-477891-tk", "21-477892-Tk (1)", "21-477893-TK_ani"]
    found = [Numbers(names).of(name) for name in names]
    assert found == [["21-477890-TK"], ["21-477891-tk"], ["21-477892-Tk"], ["21-477893-TK"]]
    friends = ["21-477890-ani", "21-477891-eko", "21-477892-udi"]  # a name is no code
    assert [Numbers(friends).of(name) for name in friends] == [[n[:9]] for n in friends]
    assert ways("21/477890/tk") == ways("21-477890-TK") == {"21477890tk", "21477890"}


def test_a_pair_has_two_numbers() -> None:
    assert Numbers(["5025241004_5025241005"]).of("5025241004_5025241005") == [
        "5025241004",
        "5025241005",
    ]
    assert Numbers(["5025241004_5025241004"]).of("5025241004_5025241004") == ["5025241004"]


def test_no_number_is_made_up() -> None:
    for name in "zmq", "jawaban", "", "percobaan", "tugas-akhir", "\u202e":
        assert candidates(name) == []
        assert Numbers([name]).of(name) == []


def test_the_lecturer_says_what_a_number_is() -> None:
    regex = re.compile(r"kel(?:ompok)?[ _-]*([0-9]+)", re.I)
    numbers = Numbers(["Kelompok 7_5025241001"], regex)
    assert numbers.of("Kelompok 7_5025241001") == ["7"]
    assert numbers.of("5025241001") == []


def test_a_number_may_be_written_in_several_ways() -> None:
    for sent in "21/477890/TK", "21-477890-tk", "21.477890.TK", "21477890TK", "21/477890/":
        assert plain(sent) in ways("21-477890-TK")
    for other in "21/477891/TK", " 21-477890-TK", "halo 21-477890-TK", "x", "", "-", "4 ":
        assert plain(other) not in ways("21-477890-TK") - {""}
