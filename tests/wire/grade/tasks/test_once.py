"""Task 3, a request that counts once: each rule with a capture that breaks it and no other."""

import pytest

from grade.tasks.once import Once
from tasks import Scene, host, missing, rows
from wire_packets import Talk

REQUESTS, REPLIES, AGAIN, SAME, COUNTER = Once.asked


class Lab(Scene):
    """A server, and clients, each with a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[Talk] = []
        self.client()

    def client(self) -> int:
        at = len(self.clients)
        self.clients.append(self.join(host(2, 40000 + at), host(4, 5555), (b"REQ", b"REP")))
        return at

    def ask(self, key: object, text: object = "halo", client: int = -1) -> int:
        return self.say(self.clients[client], 0, {"id": key, "text": text})

    def reply(self, key: object, count: object, client: int = -1) -> int:
        return self.say(self.clients[client], 1, {"id": key, "count": count})

    def both(self, key: str, count: int) -> int:
        self.ask(key)
        return self.reply(key, count)

    def again(self, key: str) -> int:
        """Ask without a reply, and once more on a new connection."""
        self.ask(key)
        self.end(self.clients[-1], 0)
        self.client()
        return self.ask(key)


def good(first: int = 1) -> Lab:
    """Id a2 is asked twice, since the server was paused."""
    lab = Lab()
    lab.both("a1", first)
    lab.again("a2")
    lab.reply("a2", first + 1)
    lab.both("a3", first + 2)
    return lab


@pytest.mark.parametrize("first", [0, 1, 7])
def test_what_is_asked_for_is_found_with_its_packets(first: int) -> None:
    found = rows(good(first), 3)
    assert missing(found) == {}
    assert [(row.asked, row.packets) for row in found] == [
        (REQUESTS, "8"),
        (REPLIES, "9, 22"),
        (AGAIN, "10, 19"),
        (SAME, "20"),
        (COUNTER, "9, 22"),
    ]
    assert {row.pattern for row in found} == {"REQ-REP"}


def test_the_reply_to_the_first_may_come_after_all() -> None:
    lab = Lab()
    lab.both("a1", 1)
    lab.ask("a2")
    lab.client()
    lab.ask("a2")
    lab.reply("a2", 2, client=0)
    lab.reply("a2", 2)
    assert missing(rows(lab, 3)) == {}


def test_a_reply_to_a_client_that_has_gone_did_not_come() -> None:
    lab = Lab()
    lab.both("a1", 1)
    lab.ask("a2")
    lab.end(lab.clients[0], 0)
    lab.reply("a2", 2)
    found = missing(rows(lab, 3))
    assert found[REPLIES] == "id a2 was asked in packet 10, and got no reply"
    lab.client()
    lab.both("a2", 2)
    assert missing(rows(lab, 3)) == {}


def test_a_capture_in_which_nothing_was_sent_again() -> None:
    lab = Lab()
    lab.both("a1", 1)
    lab.both("a2", 2)
    assert missing(rows(lab, 3)) == {
        AGAIN: "no id was sent twice: pause the server while a client asks"
    }
    lab.both("a2", 2)  # without need
    said = "id a2 was sent again in packet 12, when its reply had come in packet 11"
    assert missing(rows(lab, 3)) == {AGAIN: said}


def test_replies_that_differ() -> None:
    lab = good()
    packet = lab.both("a2", 4)
    said = (
        'id a2 got {"id": "a2", "count": 2} in packet 20 and {"id": "a2", "count": 4} in packet '
        f"{packet}"
    )
    assert missing(rows(lab, 3)) == {SAME: said}


def test_a_counter_that_rises_twice_though_the_reply_is_remembered() -> None:
    lab = Lab()
    lab.both("a1", 1)
    lab.again("a2")
    lab.reply("a2", 2)
    packet = lab.both("a3", 4)
    said = (
        f"in packet {packet} the counter had risen from 1 to 4, by 3; new ids asked in between: 2"
    )
    assert missing(rows(lab, 3)) == {COUNTER: said}


def test_a_counter_that_rises_twice_though_the_first_reply_was_not_seen() -> None:
    lab = Lab()
    lab.both("a1", 1)
    lab.again("a2")
    packet = lab.reply("a2", 3)
    said = (
        f"in packet {packet} the counter had risen from 1 to 3, by 2; new ids asked in between: 1"
    )
    assert missing(rows(lab, 3)) == {COUNTER: said}


def test_a_counter_of_which_the_beginning_is_not_known() -> None:
    lab = Lab()
    lab.again("a1")
    lab.reply("a1", 2)
    lab.both("a2", 3)
    said = (
        "the first id that was counted, a1, was sent twice and got 2: whether it counted once "
        "cannot be told; send another one before"
    )
    assert missing(rows(lab, 3)) == {COUNTER: said}


@pytest.mark.parametrize("count", [3, 2, 1])
def test_a_counter_that_does_not_rise_or_begins_anew(count: int) -> None:
    lab = good()
    packet = lab.both("a4", count)
    said = f"id a4 got {count} in packet {packet}, though 3 had been reached before"
    assert missing(rows(lab, 3)) == {COUNTER: said}


def test_clients_that_ask_at_once_may_be_replied_to_in_another_order() -> None:
    lab = good()
    lab.ask("b1")  # counted, and replied to out of sight
    lab.client()
    lab.both("b2", 5)
    lab.client()
    lab.both("b1", 4)
    assert missing(rows(lab, 3)) == {}


def test_an_id_that_is_never_replied_to() -> None:
    lab = good()
    packet = lab.ask("a4")
    said = f"id a4 was asked in packet {packet}, and got no reply"
    assert missing(rows(lab, 3)) == {REPLIES: said}


def test_a_reply_with_the_id_of_another_request() -> None:
    lab = good()
    lab.ask("a4")
    packet = lab.reply("a3", 3)
    lab.client()
    lab.both("a4", 4)
    said = f"packet {packet} replies to id a3, and the request has a4"
    assert missing(rows(lab, 3)) == {REPLIES: said}


def test_one_id_for_two_requests() -> None:
    lab = good()
    packet = lab.ask("a3", "something else")
    lab.reply("a3", 3)
    said = f"id a3 has one text in packet 21 and another in packet {packet}"
    assert missing(rows(lab, 3)) == {REQUESTS: said}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"Hello", 'packet 23 has no JSON: "Hello"'),
        (["a4"], "packet 23 has JSON, but no object"),
        ({"id": 4, "text": ""}, 'packet 23: "id" is no text of 1 to 200 characters'),
        ({"id": "a4", "text": 5}, 'packet 23: "text" is no text'),
    ],
)
def test_a_request_that_is_none(request_: object, said: str) -> None:
    lab = good()
    lab.say(lab.clients[-1], 0, request_)
    assert missing(rows(lab, 3)) == {REQUESTS: said}


def test_an_empty_text_is_one() -> None:
    lab = good()
    lab.ask("a4", "")
    lab.reply("a4", 4)
    assert missing(rows(lab, 3)) == {}


def test_a_reply_that_is_none() -> None:
    lab = good()
    lab.ask("a4")
    packet = lab.reply("a4", "4")
    said = f'packet {packet}: "count" is no whole number from 0 to 2^63 - 1'
    assert missing(rows(lab, 3)) == {REPLIES: said}


def test_the_original_scripts() -> None:
    lab = Lab()
    assert missing(rows(lab, 3))[REQUESTS] == "no request was sent to REP"
    lab.say(lab.clients[0], 0, b"Hello")
    lab.say(lab.clients[0], 1, b"World")
    found = missing(rows(lab, 3))
    assert found.pop(REPLIES) == 'packet 9 has no JSON: "World"'
    assert found == dict.fromkeys({*Once.asked} - {REPLIES}, 'packet 8 has no JSON: "Hello"')


def test_more_requests_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grade.tasks.once.MOST", 4)
    assert missing(rows(good(), 3)) == {}
    lab = good()
    lab.both("a4", 4)
    said = "there are more than 4: the others are not looked at"
    assert missing(rows(lab, 3)) == {REQUESTS: said}


def test_what_could_not_be_read_may_be_what_is_replied_to() -> None:
    lab = good()
    packet = lab.say(lab.clients[-1], 0, b"{'id': 'a4', 'text': ''}")
    lab.reply("a4", 4)
    said = f"packet {packet} has no JSON: \"{{'id': 'a4', 'text': ''}}\""
    assert missing(rows(lab, 3)) == {REQUESTS: said, REPLIES: said}
    lab = good()
    packet = lab.reply("a4", 4)
    said = f"packet {packet} replies to id a4, which was not asked before"
    assert missing(rows(lab, 3)) == {REPLIES: said}
