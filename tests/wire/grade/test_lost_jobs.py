"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import io
from pathlib import Path

from capture.files import packets
from classes import marks, numbered
from kelas import LAB
from wire_packets import ACK, FIN, Talk, command


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
