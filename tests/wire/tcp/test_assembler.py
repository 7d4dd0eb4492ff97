"""Packets in any order, and more connections than any class makes: all of it is told, or said."""

import pytest

from command import HELLO
from orders import begun, interleaved, numbered
from output.text import story_lines
from tcp import assembler
from wire_packets import (
    Talk,
    greeting,
    pcap,
    ready,
    told,
)


def test_6000_connections_open_at_once_are_all_told() -> None:
    found = told(pcap(interleaved([begun(talk) for talk in numbered(6000)])))
    assert len(found.connections) == 6000
    assert all(connection.counts["request"] == 1 for connection in found.connections)
    assert not any(connection.late for connection in found.connections)


def test_closed_connections_need_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler, "CLOSED", 100)
    before = [packet for talk in numbered(1000) for packet in begun(talk).close().packets]
    after = [Talk(client=(bytes((10, 9, 9, n)), 40000)) for n in range(200)]
    found = told(pcap(before + interleaved([begun(talk) for talk in after])))
    assert len(found.connections) == 1200
    assert not any(connection.late for connection in found.connections)
    assert len(found.assembler.table) <= 2 * (assembler.CLOSED + 200)


def test_those_in_handshake_are_dropped_last_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assembler, "FOLLOWED", 100)
    known = [begun(talk).say(1, ready(b"REP")) for talk in numbered(100)]
    shaking = [Talk(client=(bytes((10, 9, 9, n)), 40000)).open() for n in range(80)]
    packets = interleaved(known) + interleaved(shaking)
    rest = [Talk(client=talk.sides[0]) for talk in shaking]
    for talk, copy in zip(shaking, rest, strict=True):
        copy.next = talk.next
        copy.say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"), HELLO)
    found = told(pcap(packets + interleaved(rest)))
    assert [connection.counts["request"] for connection in found.connections] == [1] * 180
    assert not any(connection.late for connection in found.connections)
    lines = list(story_lines("x", found))
    assert any(line.startswith("Lost sight of: 80 TCP connections") for line in lines)
    assert sum("lost sight of among too many others" in line for line in lines) == 80
