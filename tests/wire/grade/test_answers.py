"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.files import packets
from classes import LAB_FILE, marked, marks, numbered, wire
from conftest import ROOT
from grade.form import QUESTIONS, parse
from kelas import LAB, NUMBER, RIGHT, another, form, text
from wire_packets import Talk, command


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


HELLO = {"request": "25", "reply": "26", "size_byte": "05", "request_seq": "105", "reply_len": "9"}
OTHERS = {
    "request": "a request, but not the one with your number",
    "reply": "a reply, but not to the request with your number",
    "size_byte": "size_byte of a request, but not of the one with your number",
    "request_seq": "request_seq of a request, but not of the one with your number",
    "reply_len": "reply_len of a reply, but not of that to the request with your number",
}


def test_only_the_request_with_the_number_is_right_where_it_was_sent() -> None:
    number = NUMBER.decode()
    assert {seen.verdict for seen in marks(form(), number=number).values()} == {"right"}
    found = marked(form(**HELLO), number=number)
    wrong = {key: str(mark.mistake) for key, mark in found.items() if mark.mistake}
    assert wrong == OTHERS
    assert {key: found[key].right for key in HELLO} == {key: RIGHT[key] for key in HELLO}
    for unknown in "", "5025219999":  # or the capture has no such request
        assert {seen.verdict for seen in marks(form(**HELLO), number=unknown).values()} == {"right"}
        assert marked("", number=unknown)["request"].right == "25"


@pytest.mark.parametrize("key", HELLO)
def test_each_answer_about_another_request_has_its_sentence(key: str) -> None:
    for named in {}, {key: HELLO[key]}:  # beside right answers, and beside none
        answers = form(**named) if named else f"{key} = {HELLO[key]}"
        found = marks(answers, number=NUMBER.decode())
        assert found[key] == ("wrong", OTHERS[key])


def test_what_else_is_wrong_keeps_its_name_where_the_number_is_known() -> None:
    for key, value, mistake in (
        ("request", "26", "reply taken for request"),
        ("request", "18", "TCP ACK taken for request"),
        ("reply", "27", "request taken for reply"),
        ("size_byte", "10", "the decimal size taken for size_byte"),
        ("request_seq", "128", "the next sequence number taken for request_seq"),
        ("reply_len", "20", "the size of the text alone taken for reply_len"),
        ("reply_len", "77", "another number taken for reply_len"),
    ):
        assert marks(form(**{key: value}), number=NUMBER.decode())[key] == ("wrong", mistake)
    seq = form(request="29", request_seq="128")  # the next one is what was named
    assert marks(seq, number=NUMBER.decode())["request_seq"].mistake == OTHERS["request_seq"]


def test_the_number_that_was_sent_several_times_is_right_each_time() -> None:
    number = "5025211001"
    again = numbered(LAB + text(another(number), number.encode(), NUMBER))
    for request, reply in (27, 28), (97, 98):
        found = marks(form(request=str(request), reply=str(reply)), again, NUMBER.decode())
        read = ("request", "reply", "size_byte", "request_seq", "reply_len")
        assert {found[key].verdict for key in read} == {"right"}
    found = marks("request = 27\nreply = 98", again, NUMBER.decode())
    assert found["reply"].mistake == "another reply taken for reply"
    lost = numbered([packet for packet in again if packet.number != 28])  # sent again in vain?
    found = marks("request = 27\nreply = 97", lost, NUMBER.decode())
    assert {found["request"].verdict, found["reply"].verdict} == {"right"}
    assert marks("reply = 26", lost, NUMBER.decode())["reply"].mistake == OTHERS["reply"]


def test_who_has_the_earlier_form_is_asked_for_any_request() -> None:
    answers = "ready_req = 23\nrequest = 25\nreply = 26"
    found = marks(answers, number=NUMBER.decode())
    assert {found[key].verdict for key in ("ready_req", "request", "reply")} == {"right"}


def test_check_says_that_answers_are_about_another_request(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(form(**HELLO))
    check: list[str | Path] = [LAB_FILE, "--check", "--answers", tmp_path / "a.txt"]
    said = "answers: 7 right, 5 wrong, 0 empty, of 12"
    done = wire(*check, "--expect", NUMBER.decode())
    about = "about a request, but not the one with your number: 5"
    assert done.stdout.splitlines()[-2:] == [said, about]
    assert wire(*check).stdout.splitlines()[-1] == "answers: 12 right, 0 wrong, 0 empty, of 12"


def test_a_request_that_was_sent_again_has_its_reply_elsewhere() -> None:
    lost = [packet for packet in LAB if packet.number not in (26, 28, 30)]
    retried = numbered(lost + another("5025211001"))
    reply = str(len(lost) + 26)
    answers = f"request = 25\nreply = {reply}"
    assert {mark.verdict for mark in marks(answers, retried).values()} == {"right", "empty"}
    found = marks("request = 95\nreply = 26", numbered(another("5025211001") + lost))
    assert found["reply"].mistake == "another reply taken for reply"  # it came before the request


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


@settings(max_examples=100)
@given(st.binary(max_size=300), st.sampled_from(list(QUESTIONS)), st.text(max_size=60))
def test_no_form_ends_in_an_error(data: bytes, key: str, value: str) -> None:
    for written in data, f"{key} = {value}".encode(errors="replace"), b"\xff\xfe" + data:
        for mark in marks(written, LAB[:30]).values():
            assert mark.verdict in ("right", "wrong", "empty")
            assert bool(mark.mistake) == (mark.verdict == "wrong")
            assert mark.mistake.isprintable()
    assert all(line.isprintable() for line in parse(data).odd)
