"""Names for addresses, and texts that are shortened."""

from output.hosts import host, hosts, shorten
from story.model import Connection, Event


def connection(client: str, client_type: str, server: str, server_type: str) -> Connection:
    return Connection(1, client, server, client_type, server_type)


def test_an_address_is_called_as_the_service_with_its_socket_type() -> None:
    one = connection("10.0.0.2:40000", "REQ", "10.0.0.3:5555", "REP")
    assert hosts([one]) == {"10.0.0.2": "zmq-req", "10.0.0.3": "zmq-rep"}


def test_several_of_a_type_have_their_address_too() -> None:
    both = [
        connection("10.0.0.2:40000", "PULL", "10.0.0.3:9999", "PUSH"),
        connection("10.0.0.4:40000", "PULL", "10.0.0.3:9999", "PUSH"),
    ]
    assert hosts(both) == {
        "10.0.0.2": "zmq-pull-10.0.0.2",
        "10.0.0.4": "zmq-pull-10.0.0.4",
        "10.0.0.3": "zmq-push",
    }


def test_what_is_not_known_has_no_name() -> None:
    assert hosts([connection("10.0.0.2:1", "", "10.0.0.3:2", "")]) == {}
    assert host("[fe80::1]:5555") == "fe80::1"


def test_texts_are_shortened_and_the_end_may_stay() -> None:
    event = Event(1, 0.0, "10.0.0.2:1", "request", text="abcdefghij", texts=["abcdefghij"])
    assert shorten(event, 5).text == "abcd…"
    assert shorten(event, 6, 2).text == "abc…ij"
    assert shorten(event, 10).text == event.text
    assert shorten(event, 5).texts == ["abcd…"]
