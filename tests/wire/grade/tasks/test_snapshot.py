"""Task 2, a subscriber that misses nothing: each rule with a capture that breaks it alone."""

import pytest

from grade.tasks.snapshot import Snapshot
from tasks import Scene, host, missing, rows
from wire_packets import Talk, command, frame

NUMBERED, LATE, LIST, BEFORE, WHOLE, GO_ON = Snapshot.asked


def told(number: int) -> str:
    return f"WAKTU {number} Mon Nov 23 07:14:{number % 60:02} 2026"


class Lab(Scene):
    """A publisher, and whoever subscribes at it."""

    def subscriber(self, at: int = 5, port: int = 40000) -> Talk:
        return self.join(host(at, port), host(3, 12345), (b"SUB", b"PUB"))

    def subscribe(self, talk: Talk, topic: bytes = b"WAKTU") -> int:
        return self.raw(talk, 0, command(b"SUBSCRIBE", topic))

    def publish(self, talk: Talk, *numbers: int) -> int:
        return [self.say(talk, 1, told(number).encode()) for number in numbers][-1]

    def ask(self, what: object, reply: object = None, at: int = 5, port: int = 40001) -> Talk:
        talk = self.join(host(at, port), host(3, 5556), (b"REQ", b"REP"))
        self.say(talk, 0, what)
        if reply is not None:
            self.say(talk, 1, reply)
        return talk


def listed(*numbers: int) -> list[str]:
    return [told(number) for number in numbers]


def late(reply: object = None, what: object = None, published: tuple[int, ...] = (6, 7)) -> Lab:
    """Who comes when 5 is published, and asks for what was before; `published` comes later."""
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.publish(talk, 5)
    lab.ask({"from": 1} if what is None else what, listed(*range(1, 6)) if reply is None else reply)
    for number in published:
        lab.publish(talk, number)
    return lab


def test_what_is_asked_for_is_found_with_its_packets() -> None:
    found = rows(late(), 2)
    assert missing(found) == {}
    assert [(row.asked, row.packets) for row in found] == [
        (NUMBERED, "9"),
        (LATE, "9"),
        (LIST, "17, 18"),
        (BEFORE, "8, 18"),
        (WHOLE, "18"),
        (GO_ON, "9, 20"),
    ]
    assert {row.pattern for row in found} == {"PUB-SUB"}


def test_the_list_may_reach_beyond_what_was_published_by_then() -> None:
    assert missing(rows(late(listed(*range(1, 8)), published=(6, 7, 8)), 2)) == {}


def test_who_asks_before_anything_is_published_needs_no_luck() -> None:
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk, b"")  # every topic
    lab.ask({"from": 1}, listed(1, 2, 3))
    lab.say(talk, 1, b"TANGGAL 2026-11-23")
    lab.publish(talk, 4)
    assert missing(rows(lab, 2)) == {}


def test_a_capture_in_which_nobody_is_late() -> None:
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.publish(talk, 1)
    lab.ask({"from": 1}, listed(1))
    lab.publish(talk, 2)
    said = "172.18.0.5 received the messages from number 1 on: start it later"
    assert missing(rows(lab, 2)) == {LATE: said}


@pytest.mark.parametrize("lucky", [False, True])
def test_a_list_made_before_the_subscription_has_arrived(lucky: bool) -> None:
    lab = Lab()
    lab.ask({"from": 1}, listed(1, 2, 3))
    talk = lab.subscriber()
    packet = lab.subscribe(talk)
    lab.publish(talk, 4 if lucky else 5, 5 if lucky else 6)
    before = (
        f"the list left in packet 9, before SUBSCRIBE came in packet {packet}: what is published "
        "in between is in neither"
    )
    gap = "a gap: the list in packet 9 ends with 3, and the first message received has the number 5"
    assert missing(rows(lab, 2)) == {BEFORE: before} | ({} if lucky else {GO_ON: gap})


def test_a_gap_between_list_and_subscription_though_the_order_is_right() -> None:
    said = (
        "a gap: the list in packet 18 ends with 3, and the first message received has the number 5"
    )
    assert missing(rows(late(listed(1, 2, 3)), 2)) == {GO_ON: said}


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((1, 2, 4, 5), "a gap: in packet 18 number 4 follows 2"),
        ((1, 2, 2, 3, 4, 5), "a double: in packet 18 number 2 follows 2"),
        ((1, 3, 2, 4, 5), "a gap: in packet 18 number 3 follows 1"),
        ((2, 3, 4, 5), "the list in packet 18 begins with number 2, not with 1"),
    ],
)
def test_a_list_that_is_not_whole(numbers: tuple[int, ...], said: str) -> None:
    assert missing(rows(late(listed(*numbers)), 2)) == {WHOLE: said}


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((6, 8), "a gap: in packet 20 number 8 follows 6"),
        ((6, 6), "a double: in packet 20 number 6 follows 6"),
        ((6, 1), "a double: in packet 20 number 1 follows 6"),
        ((), "the list in packet 18 ends with 5, and no later message was received"),
    ],
)
def test_what_is_published_afterwards(numbers: tuple[int, ...], said: str) -> None:
    assert missing(rows(late(published=numbers), 2)) == {GO_ON: said}


def test_a_list_of_other_messages_than_were_published() -> None:
    said = "number 5 in the list in packet 18 is another message than published"
    assert missing(rows(late([*listed(1, 2, 3, 4), "WAKTU 5 now"]), 2)) == {GO_ON: said}


def test_a_list_that_is_not_asked_for_from_the_beginning() -> None:
    said = "the request in packet 17 asks from number 3 on, not from 1"
    assert missing(rows(late(listed(3, 4, 5), {"from": 3}), 2)) == {WHOLE: said}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"list": []}, "packet 18 has JSON, but no list"),
        (b"['WAKTU 1']", "packet 18 has no JSON: \"['WAKTU 1']\""),
        ([1, 2], 'packet 18: a message of the list has no running number: "…"'),
        (["WAKTU Mon"], 'packet 18: a message of the list has no running number: "WAKTU Mon"'),
    ],
)
def test_a_reply_that_is_none(reply: object, said: str) -> None:
    assert missing(rows(late(reply), 2)) == dict.fromkeys((LIST, BEFORE, WHOLE, GO_ON), said)


def test_an_empty_list() -> None:
    found = missing(rows(late([]), 2))
    assert found[WHOLE] == "the list in packet 18 is empty"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (b"from 1", 'packet 17 has no JSON: "from 1"'),
        ({"from": "1"}, 'packet 17: "from" is no whole number from 0 to 2^63 - 1'),
        ({"from": True}, 'packet 17: "from" is no whole number from 0 to 2^63 - 1'),
    ],
)
def test_a_request_that_is_none(what: object, said: str) -> None:
    assert missing(rows(late(what=what), 2)) == dict.fromkeys((LIST, BEFORE, WHOLE, GO_ON), said)


def test_who_does_not_ask_or_gets_no_reply() -> None:
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.publish(talk, 5, 6)
    lab.ask({"from": 1}, listed(*range(1, 6)), at=6)  # someone else
    said = "no request came from 172.18.0.5, which subscribed, to port 5556 of the publisher"
    assert missing(rows(lab, 2)) == dict.fromkeys((LIST, BEFORE, WHOLE, GO_ON), said)
    lab.ask({"from": 1})
    said = f"the request in packet {len(lab.packets)} has no reply"
    assert missing(rows(lab, 2))[LIST] == said


def test_the_original_publisher() -> None:
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.say(talk, 1, b"WAKTU Mon Nov 23 07:14:21 2026")
    found = missing(rows(lab, 2))
    assert len(found) == 6
    assert found[NUMBERED] == 'packet 9 has no running number: "WAKTU Mon Nov 23 07:14:21 2026"'
    assert missing(rows(Lab(), 2))[NUMBERED] == (
        "nothing was published under WAKTU to a subscriber"
    )


def test_a_number_must_be_in_the_one_frame() -> None:
    lab = Lab()
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.raw(talk, 1, frame(b"WAKTU", 1) + frame(b"5 Mon Nov"))
    said = "packet 9 has a message of several frames, not of one"
    assert missing(rows(lab, 2))[NUMBERED] == said


def test_the_subscriber_that_shows_most_counts() -> None:
    lab = Lab()
    old = lab.subscriber(6)  # as in experiment 5
    lab.subscribe(old)
    lab.publish(old, 4, 5)
    lab.ask({"from": 9}, [], at=5, port=40007)
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.publish(talk, 6)
    lab.ask({"from": 1}, listed(*range(1, 7)))
    lab.publish(talk, 7)
    again = lab.subscriber(port=41000)  # its connection broke, and it asks for what it missed
    lab.subscribe(again)
    lab.publish(again, 9)
    lab.ask({"from": 8}, listed(8, 9), port=41001)
    assert missing(rows(lab, 2)) == {}


def test_a_publisher_that_begins_anew_on_the_same_ports() -> None:
    lab = late(listed(1, 2), published=(6, 7))  # with a gap
    talk = lab.subscriber()
    lab.subscribe(talk)
    lab.publish(talk, 3)
    lab.ask({"from": 1}, listed(1, 2, 3))
    lab.publish(talk, 4)
    assert missing(rows(lab, 2)) == {}


def test_more_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grade.tasks.snapshot.EACH", 2)
    lab = late(listed(1, 2))
    for port in range(42000, 42003):
        lab.ask({"from": 1}, listed(1), port=port)
    assert missing(rows(lab, 2)) == {GO_ON: "there are more than 2: the others are not looked at"}
