"""The story of a capture as a person reads it: words, frame numbers, counts."""

import json
from typing import Any

import pytest

from command import HELLO, WORLD, wirezmq
from output.json import json_lines
from story.story import Story
from tcp import assembler
from wire_packets import ACK, FIN, RST, SYN, Talk, frame, pcap, told


def test_json_holds_what_passed() -> None:
    done = wirezmq("lab.pcap", "--json")
    found = json.loads(done.stdout)
    assert (found["file"], found["packets"]) == ("lab.pcap", 70)
    push, req, pub = found["connections"]
    assert [c["pattern"] for c in found["connections"]] == ["PUSH-PULL", "REQ-REP", "PUB-SUB"]
    assert (req["client"], req["server"]) == ("127.0.0.1:55570", "127.0.0.1:5555")
    assert (req["version"], req["mechanism"], req["complete"]) == ("3.1", "NULL", True)
    assert req["requests"] == ["Hello", "5025211000", "apa kabar?"]
    assert req["replies"] == ["World", "Received: 5025211000", "Received: apa kabar?"]
    assert (pub["subscriptions"], pub["published"]) == (["WAKTU"], {"WAKTU": 5})
    assert push["jobs"] == [3, 3, 4, 3, 2]
    reply = next(event for event in req["events"] if event["kind"] == "reply")
    assert (reply["packet"], reply["sender"]) == (26, "127.0.0.1:5555")
    assert [part["role"] for part in reply["parts"]] == ["delimiter", "body"]


def test_two_captures_are_two_objects() -> None:
    done = wirezmq("lab.pcap", "lab.pcap", "--json")
    decoder, text, count = json.JSONDecoder(), done.stdout, 0
    while text.strip():
        _, end = decoder.raw_decode(text)
        text, count = text[end:].lstrip(), count + 1
    assert count == 2


def test_json_of_a_story_can_be_made_without_a_file() -> None:
    assert json.loads("".join(json_lines("x", told(Talk().shake().capture, True))))["packets"] == 7


def found(talk: Talk, *more: Talk, **options: Any) -> Any:
    packets = [packet for each in (talk, *more) for packet in each.packets]
    return json.loads("".join(json_lines("x", told(pcap(packets, **options), True))))


def test_json_says_when_the_capture_began_and_how_long_it_lasts() -> None:
    whole = found(Talk().shake(), start=1_764_000_000)
    assert (whole["start"], whole["duration"], whole["dropped"]) == (1_764_000_000, 0.006, 0)
    story = Story(each=True)
    story.dropped = 34
    empty = json.loads("".join(json_lines("x", story)))
    assert (empty["start"], empty["duration"], empty["dropped"]) == (None, 0, 34)


def test_json_says_how_a_connection_ended() -> None:
    (still_open,) = found(Talk().shake())["connections"]
    (half,) = found(half_closed())["connections"]
    (closed,) = found(Talk().shake().close())["connections"]
    (broken,) = found(broken_off())["connections"]
    assert [each["closed"] for each in (still_open, half, closed, broken)] == [
        *(False, False, True, True)
    ]
    assert not any(each["lost"] for each in (still_open, half, closed, broken))


def test_one_that_was_lost_sight_of_is_not_told_as_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "FOLLOWED", 1)
    other = Talk((bytes((10, 0, 0, 9)), 4000)).shake()
    connections = found(Talk().shake(), other)["connections"]
    ends = [(each["closed"], each["lost"]) for each in connections]
    assert ends == [(False, True), (False, False)]


def test_json_says_what_is_missing_and_what_came_again() -> None:
    talk = Talk().shake()
    talk.say(0, HELLO)
    talk.packets += talk.packets[-1:] * 2
    talk.add(1, 24, WORLD, skip=True)
    talk.say(0, HELLO).say(1, WORLD)
    (connection,) = found(talk)["connections"]
    assert (connection["retransmitted"], connection["missing"]) == (2, len(WORLD))
    assert (connection["late"], connection["guess"], connection["complete"]) == (False, False, True)


def test_json_says_what_was_begun_before_the_capture() -> None:
    talk = Talk().shake()
    del talk.packets[:7]
    (connection,) = found(talk.say(0, HELLO).say(1, WORLD))["connections"]
    assert (connection["late"], connection["complete"]) == (True, False)


def test_json_says_what_is_only_a_guess() -> None:
    talk = Talk().say(0, HELLO).say(1, WORLD).say(0, HELLO).say(1, b"\x16\x03\x01 no ZMTP at all")
    (connection,) = found(talk)["connections"]
    assert (connection["guess"], connection["by_port"]) == (True, True)


def test_an_escape_and_what_is_written_like_one_differ_in_json() -> None:
    (connection,) = found(Talk().shake().say(0, frame(b"\x1b"), frame(rb"\x1b")))["connections"]
    assert connection["requests"] == [r"\x1b", r"\\x1b"]


def half_closed() -> Talk:
    talk = Talk().shake()
    talk.add(0, FIN | ACK)
    talk.add(1, ACK)
    return talk


def broken_off() -> Talk:
    talk = Talk().shake()
    talk.add(0, RST | ACK)
    return talk


def test_what_was_begun() -> None:
    talk = Talk().shake().say(0, frame(b"x" * 500)[:300]).close()
    events = found(talk)["connections"][0]["events"]
    begun = next(event for event in events if event["kind"] == "message-begun")
    assert (begun["packet"], begun["sender"]) == (8, "10.0.0.2:40000")
    assert (begun["size"], begun["whole"], begun["layer"]) == (291, 500, "ZMTP")
    assert [event["packet"] for event in events] == sorted(event["packet"] for event in events)


def test_an_attempt_that_came_to_nothing_is_a_remark() -> None:
    talk = Talk()
    talk.add(0, SYN)
    assert found(talk)["remarks"] == [
        "1 attempt to connect was not answered: the SYN in packet 1",
    ]
