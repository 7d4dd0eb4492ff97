"""The story of a capture as a person reads it: words, frame numbers, counts."""

from pathlib import Path

from command import HELLO, WORLD, wirezmq
from grade.requirements import rows
from wire_packets import (
    CAPTURES,
    SYN,
    Talk,
    greeting,
    told,
)


def test_the_lab_has_all_that_is_asked_for() -> None:
    done = wirezmq("lab.pcap", "--check", "--expect", "5025211000")
    assert done.returncode == 0
    assert "14 of 14 found" in done.stdout
    assert 'request "5025211000"           found    packet 27' in done.stdout


def test_a_missing_text_fails_the_check() -> None:
    done = wirezmq("lab.pcap", "--expect", "5025211999")
    assert done.returncode == 1
    assert "MISSING  no request is this text" in done.stdout


def test_many_captures_get_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "late.pcap").write_bytes(Talk().say(0, HELLO).say(1, WORLD).capture)
    (tmp_path / "broken.pcap").write_bytes(b"not a capture")
    done = wirezmq(CAPTURES / "lab.pcap", "late.pcap", "--check", cwd=tmp_path)
    first, second, total = done.stdout.splitlines()
    assert first.startswith("complete  REQ-REP 4/4  PUB-SUB 5/5  PUSH-PULL 4/4")
    assert second == "MISSING   REQ-REP 1/4  PUB-SUB 0/5  PUSH-PULL 0/4  late.pcap"
    assert total == "1 of 2 captures complete"
    assert done.returncode == 1
    assert wirezmq("late.pcap", "broken.pcap", "--check", cwd=tmp_path).returncode == 2


def test_the_check_names_the_likely_cause() -> None:
    causes = {row.asked: str(row.cause) for row in rows(told(Talk().say(0, HELLO).capture))[:4]}
    assert causes["TCP handshake"] == "no handshake: the capture was started after the client"
    assert causes["request and its reply"].startswith("no reply")


def test_a_greeting_that_stops_is_the_cause() -> None:
    talk = Talk().open().say(0, greeting()[:10]).close()
    causes = {row.asked: row.cause for row in rows(told(talk.capture))[:4]}
    assert causes["greeting of both"] == "REQ begins its greeting in packet 4, and stops"


def test_a_stray_segment_is_no_hole() -> None:
    talk = Talk().open()
    again = Talk(first=900_000).add(0, SYN)
    talk.packets.append(again)
    talk.say(0, greeting())
    causes = {row.asked: row.cause for row in rows(told(talk.capture))[:4]}
    assert causes["READY of both"] == "the capture ended, or the connection broke, before it"
