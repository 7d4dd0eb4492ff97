"""The story of a capture as a person reads it: words, frame numbers, counts."""

import json

from command import wirezmq
from output.json import json_lines
from wire_packets import (
    Talk,
    told,
)


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
