"""Which socket types talk to which, and what passes between them."""

import pytest

from zmtp.patterns import PATTERNS, PORTS, TYPES, message_kind, pattern


def test_each_port_of_the_lab_has_its_pattern() -> None:
    assert {port: pattern(*types) for port, types in PORTS.items()} == {
        5555: "REQ-REP",
        12345: "PUB-SUB",
        9999: "PUSH-PULL",
    }


def test_a_pattern_has_its_name_whichever_side_connects() -> None:
    for name, (client, server) in PATTERNS.items():
        assert pattern(client, server) == pattern(server, client) == name
    assert (pattern("DEALER", ""), pattern("", "")) == ("DEALER-?", "unknown")
    assert pattern("DEALER", "ROUTER") == "DEALER-ROUTER"


@pytest.mark.parametrize(
    ("sender", "receiver", "kind"),
    [
        ("REQ", "REP", "request"),
        ("REP", "REQ", "reply"),
        ("DEALER", "REP", "request"),
        ("REP", "DEALER", "reply"),
        ("PUB", "SUB", "published"),
        ("SUB", "PUB", "filter"),
        ("XSUB", "XPUB", "filter"),
        ("PUSH", "PULL", "job"),
        ("PAIR", "PAIR", "message"),
        ("DEALER", "ROUTER", "message"),
        ("", "", "message"),
    ],
)
def test_what_passes_between_two_types(sender: str, receiver: str, kind: str) -> None:
    assert message_kind(sender, receiver) == kind


def test_the_types_are_those_of_the_specifications() -> None:
    assert len(set(TYPES)) == len(TYPES) == 20
    assert all(client in TYPES and server in TYPES for client, server in PATTERNS.values())
