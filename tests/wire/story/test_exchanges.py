"""Round trips are those of a request and its own reply; where that is not known there is none."""

import pytest

from story.exchanges import MOST, Exchanges
from story.model import Event
from wire_packets import ACK, CAPTURES, Talk, frame, told

DELIMITER = frame(b"", 1)
SIDES = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 7000)


def message(text: bytes, envelope: bytes = b"") -> bytes:
    return frame(envelope, 1) * bool(envelope) + DELIMITER + frame(text)


def exchanges(capture: bytes) -> list[Event]:
    return [
        event
        for connection in told(capture, each=True).connections
        for event in connection.events
        if event.kind in ("request", "reply")
    ]


def trips(talk: Talk) -> list[tuple[str, float | None]]:
    """Return the text of each reply and its round trip in ms; a packet comes every ms."""
    return [
        (event.text, event.round_trip and round(event.round_trip * 1000, 3))
        for event in exchanges(talk.capture)
        if event.kind == "reply"
    ]


def test_the_captures_of_a_request_without_a_reply() -> None:
    found = {}
    for name in "rtt", "rtt-after-a-dropped-reply":
        replies = [e for e in exchanges((CAPTURES / f"{name}.pcap").read_bytes()) if e.round_trip]
        found[name] = [(e.text, round((e.round_trip or 0) * 1000, 2)) for e in replies]
    assert found["rtt"] == [
        *(("re two", 7.59), ("re three", 5.38), ("re four", 6.02), ("re1", 0.11), ("re2", 0.18)),
    ]
    assert found["rtt-after-a-dropped-reply"] == [(f"r{n}", 4.0) for n in (0, 2, 3, 4, 5)]


def test_rep_answers_in_order_whoever_asks_at_once() -> None:
    talk = Talk(*SIDES).shake(b"DEALER", b"REP").say(0, *map(message, (b"1", b"2", b"3")))
    assert trips(talk.say(1, *map(message, (b"a", b"b", b"c")))) == [("a", 3), ("b", 3), ("c", 3)]


def test_request_and_reply_have_the_same_number() -> None:
    talk = Talk(*SIDES).shake(b"DEALER", b"REP").say(0, message(b"1"), message(b"2"))
    found = exchanges(talk.say(1, message(b"a"), message(b"b")).capture)
    assert [(event.text, event.exchange) for event in found] == [
        *(("1", 1), ("2", 2), ("a", 1), ("b", 2)),
    ]


def test_rep_discards_what_has_no_delimiter_and_it_is_said() -> None:
    talk = Talk(*SIDES).shake(b"DEALER", b"REP").say(0, frame(b"bare"), frame(b"a", 1) + frame(b""))
    talk.say(0, message(b"whole")).say(1, message(b"reply"))
    assert trips(talk) == [("reply", 1)]
    notes = [event.note for event in exchanges(talk.capture) if event.kind == "request"]
    assert notes == ["without the empty delimiter: REP discards it"] * 2 + [""]


def test_router_may_answer_any_request_or_none() -> None:
    talk = Talk(*SIDES).shake(b"REQ", b"ROUTER").say(0, message(b"1"), message(b"2"))
    talk.say(1, message(b"a"))  # to the first or to the second
    assert trips(talk) == [("a", None)]
    talk.say(1, message(b"b")).say(0, message(b"3")).say(1, message(b"c"))
    assert trips(talk) == [("a", None), ("b", None), ("c", 1)]


@pytest.mark.parametrize("replies", [(b"\0\0\0\1", b"\0\0\0\2"), (b"\0\0\0\2", b"\0\0\0\1")])
def test_a_number_in_the_envelope_says_which(replies: tuple[bytes, bytes]) -> None:
    talk = Talk(*SIDES).shake(b"REQ", b"ROUTER")
    talk.say(0, message(b"1", b"\0\0\0\1"), message(b"2", b"\0\0\0\2"))
    for number in replies:
        talk.say(1, message(b"re %d" % number[3], number))
    packets = {b"\0\0\0\1": 8, b"\0\0\0\2": 9}
    expected = [
        (f"re {number[3]}", at - packets[number]) for at, number in enumerate(replies, start=10)
    ]
    assert trips(talk) == expected


def test_an_envelope_of_no_request_has_no_round_trip() -> None:
    talk = Talk(*SIDES).shake(b"REQ", b"ROUTER").say(0, message(b"1", b"\0\0\0\1"))
    assert trips(talk.say(1, message(b"late", b"\0\0\0\0"))) == [("late", None)]


def lost(side: int, kinds: tuple[bytes, bytes]) -> Talk:
    """Ask, lose a message of this side, ask and have a reply twice more."""
    talk = Talk(*SIDES).shake(*kinds).say(0, message(b"1"))
    if side == 0:
        talk.say(1, message(b"a"))
    talk.add(side, ACK, message(b"lost"), skip=True)
    for number in b"2", b"3":
        talk.say(0, message(number)).say(1, message(number))
    return talk


@pytest.mark.parametrize("side", [0, 1])
def test_req_waits_for_its_reply_so_what_follows_a_gap_is_known(side: int) -> None:
    assert trips(lost(side, (b"REQ", b"REP")))[-2:] == [("2", 1), ("3", 1)]


def test_what_req_lacks_while_it_waits_was_no_request() -> None:
    talk = Talk(*SIDES).shake().say(0, message(b"1"))
    talk.add(0, ACK, b"\4\6\4PONG\0", skip=True)
    assert trips(talk.say(1, message(b"a"))) == [("a", 1)]


@pytest.mark.parametrize("side", [0, 1])
def test_of_a_dealer_nothing_is_known_after_a_gap(side: int) -> None:
    assert trips(lost(side, (b"DEALER", b"REP")))[-2:] == [("2", None), ("3", None)]


def test_what_surely_waits_behind_a_gap_is_known_once_it_is_alone() -> None:
    talk = Talk(*SIDES).shake(b"DEALER", b"REP").say(0, message(b"1"))
    talk.add(1, ACK, message(b"maybe to 1"), skip=True)
    talk.say(0, message(b"2")).say(1, message(b"x"), message(b"y"))
    talk.say(0, message(b"3")).say(1, message(b"z"))
    assert trips(talk) == [("x", None), ("y", 2), ("z", 1)]  # y is the last: it answers 2


def test_a_reply_that_comes_before_its_request_by_the_clock_has_no_round_trip() -> None:
    found = Exchanges(late=False)
    assert found.ask(0, 5.0, True) == 1
    assert found.answer(0, True, True) == (1, 5.0)
    talk = Talk(*SIDES).shake().say(0, message(b"1")).say(1, message(b"a"))
    records = bytearray(talk.capture)
    at = len(records) - len(talk.packets[-1]) - 16
    records[at : at + 4] = bytes(4)  # a second earlier
    (reply,) = (event for event in exchanges(bytes(records)) if event.kind == "reply")
    assert (reply.round_trip, reply.exchange) == (None, 1)


def test_more_requests_than_are_remembered_stay_in_order() -> None:
    found = Exchanges(late=False)
    for number in range(MOST + 10):
        found.ask(0, number, False)
    answered = [found.answer(0, False, True) for _ in range(MOST + 10)]
    assert answered[:MOST] == [(n + 1, float(n)) for n in range(MOST)]
    assert answered[MOST:] == [None] * 10
    assert found.ask(0, 1.0, False) == MOST + 11
    assert found.answer(0, False, True) == (MOST + 11, 1.0)


def test_an_endless_row_of_envelopes_is_forgotten() -> None:
    found = Exchanges(late=False)
    for number in range(1, MOST + 10):
        found.ask(number, 0.0, False)
    assert len(found.waiting) == MOST
