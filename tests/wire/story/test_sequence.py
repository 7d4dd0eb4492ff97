"""What a side began and did not go on with is told in its packet, and events stand in order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import HELLO, WORLD
from links import cut_at
from output.text import story_lines
from story.model import Event, New
from story.sequence import MOST, SECONDS
from story.story import Story
from wire_packets import (
    ACK,
    CAPTURES,
    FIN,
    GREETING_2,
    RST,
    SYN,
    Talk,
    command,
    frame,
    greeting,
    pcap,
    read,
    ready,
    told,
)

NEVER = "not in the capture"
LONG = frame(b"x" * 500)


def close(talk: Talk, how: str) -> Talk:
    """End a connection, after which comes nothing, or another of the same ports."""
    if how == "FIN":
        return talk.close()
    if how == "FIN of the client":
        talk.add(0, FIN | ACK)
    elif how == "FIN, RST":
        talk.add(0, FIN | ACK)
        talk.add(1, RST | ACK)
    elif how.startswith("RST"):
        talk.add(int(how.endswith("server")), RST | ACK)
    elif how == "SYN":
        talk.packets += Talk(first=900_000).shake().say(0, HELLO).say(1, WORLD).packets
    return talk


ENDS = (
    *("FIN", "FIN of the client", "FIN, RST", "RST of the client", "RST of the server"),
    *("silence", "SYN"),
)


def of(found: Story) -> list[list[Event]]:
    """Return the events of each connection; they stand in the order of their packets."""
    for connection in found.connections:
        numbers = [event.packet for event in connection.events]
        assert numbers == sorted(numbers)
    return [list(connection.events) for connection in found.connections]


def begun(talk: Talk, times: Sequence[float] = ()) -> list[Event]:
    """Return what was begun in a capture, which says of no byte that it does not have it.

    Live the same is told, in the same order.
    """
    capture = pcap(talk.packets, times=times)
    found = told(capture, each=True)
    assert live(capture) == [list(map(seen, events)) for events in of(found)]
    assert NEVER not in "\n".join(story_lines("x", found))
    return [e for events in of(found) for e in events if e.kind.endswith("-begun")]


def seen(event: Event) -> tuple[object, ...]:
    return event.packet, event.first_packet, event.sender, event.kind, event.text, event.size


def live(capture: bytes) -> list[list[tuple[object, ...]]]:
    """Return the events of each connection as they are told while packets come, and then none."""
    story, found = Story(keep=False), dict[int, list[tuple[object, ...]]]()

    def take(new: New) -> None:
        for connection, event in new:
            found.setdefault(connection.number, []).append(seen(event))

    records = read(capture)
    for record, after in zip(records, [*records[1:], None], strict=True):
        take(story.feed(record))
        end = after.time if after else record.time + 10_000_000_000
        for time in range(record.time + 300_000_000, end, 300_000_000):
            take(story.overdue(time))
    take(story.end())
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("size", [1, 9, 10, 11, 12, 32, 63])
@pytest.mark.parametrize("other", [b"", greeting(), greeting()[:10], greeting()[:1]])
def test_a_greeting_begun(how: str, size: int, other: bytes) -> None:
    for side in 0, 1:
        talk = Talk().open()
        talk.say(side, greeting()[:size])
        if other:
            talk.say(1 - side, other)
        talk.add(1 - side, ACK)
        close(talk, how)
        for step in 0.001, 1.1, 2.5:  # seconds from one packet to the next
            found = begun(talk, [step * at for at in range(len(talk.packets))])
            event = next(one for one in found if one.packet == 4)
            whole = 64 if size > 10 else 0
            assert (event.kind, event.size, event.whole) == ("greeting-begun", size, whole)
            assert event.sender.endswith((":40000", ":5555")[side])
            assert [one.packet for one in found] == [4, 5][: 1 + (0 < len(other) < 64)]


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("data", [b"\1", b"\xff", GREETING_2[:10], GREETING_2])
@pytest.mark.parametrize("other", [b"", b"\1\0", GREETING_2 + b"\4\0\0", greeting()])
def test_an_older_greeting_begun(how: str, data: bytes, other: bytes) -> None:
    if data[:10] == GREETING_2[:10] and other == b"\1\0":
        return  # it is the identity of 1.0 then
    for side in 0, 1:
        talk = Talk().open()
        if other:
            talk.say(1 - side, other)
        (event,) = begun(close(talk.say(side, data), how))
        assert (event.kind, event.size) == ("greeting-begun", len(data))
        assert event.packet == 4 + bool(other)


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize(
    ("data", "kind", "size", "whole", "frames"),
    [
        (LONG[:1], "message-begun", 1, 0, 0),
        (LONG[:8], "message-begun", 8, 0, 0),
        (LONG[:300], "message-begun", 291, 500, 0),
        (frame(b"", 1) + frame(b"Hello", 1), "message-begun", 5, 0, 2),
        (frame(b"ab", 1) + LONG[:300], "message-begun", 293, 500, 1),
        (command(b"PING", b"\0\1abc")[:6], "command-begun", 4, 10, 0),
    ],
)
def test_a_message_or_command_begun(
    how: str, data: bytes, kind: str, size: int, whole: int, frames: int
) -> None:
    for side in 0, 1:
        for many in 0, 1, 3:
            talk = Talk().shake(b"DEALER", b"DEALER").say(side, data[:1], data[1:])
            for _ in range(many):
                talk.say(1 - side, frame(b"meanwhile"))
            close(talk, how)
            for step in 0.001, 1.1, 2.5:
                (event,) = begun(talk, [step * at for at in range(len(talk.packets))])
                assert (event.kind, event.size) == (kind, size)
                assert (event.whole, event.frames) == (whole, frames)
                assert (event.first_packet, event.packet) == (8, 8 + (len(data) > 1))


def test_a_handshake_begun() -> None:
    for how in ENDS:
        for size in 1, 2, 20:
            talk = Talk().open().say(0, greeting()).say(1, greeting(), ready(b"REP")[:size])
            (event,) = begun(close(talk, how))
            kind = "command-begun" if size > 1 else "message-begun"
            assert (event.packet, event.kind) == (6, kind)


@given(
    st.tuples(st.integers(0, 600), st.integers(0, 600)),
    st.tuples(st.lists(st.integers(0, 10_000), max_size=12), st.lists(st.integers(0, 10_000))),
    st.lists(st.sampled_from((0.001, 0.5, 1.0)), min_size=40, max_size=40),
    st.randoms(use_true_random=False),
    st.sampled_from(ENDS),
)
def test_whatever_both_say_at_a_time(
    ends: tuple[int, int],
    places: tuple[list[int], list[int]],
    steps: list[float],
    order: object,
    how: str,
) -> None:
    """Both sides send the same parts, and stop anywhere; who sends next is left to chance."""
    parts = [greeting(), ready(b"DEALER"), frame(b"", 1) + LONG, frame(b"short"), LONG]
    data = b"".join(parts)
    pieces = [cut_at(data[:end], place[:12]) for end, place in zip(ends, places, strict=True)]
    talk, sent = Talk().open(), [[(0, 0)], [(0, 0)]]
    while any(pieces):
        side = order.choice([side for side in (0, 1) if pieces[side]])  # type: ignore[attr-defined]
        if piece := pieces[side].pop(0):
            talk.say(side, piece)
            sent[side].append((sent[side][-1][0] + len(piece), len(talk.packets)))
    expected = []
    for side in 0, 1:
        at = 0
        for part in parts:
            begin, at = at, at + len(part)
            if at <= ends[side]:
                expected.append((next(n for end, n in sent[side] if end >= at), side))
            elif begin < ends[side]:
                expected.append((sent[side][-1][1], side))
    last = len(talk.packets)
    close(talk, how)
    times = [sum(steps[:at]) if how != "SYN" else at * 0.001 for at in range(len(talk.packets))]
    capture = pcap(talk.packets, times=times)
    events = of(told(capture, each=True))
    assert live(capture) == [list(map(seen, each)) for each in events]
    found = [
        (event.packet, int(event.sender.endswith(":5555")))
        for event in (events[0] if max(ends) else [])
        if event.layer == "ZMTP" and event.packet <= last
    ]
    paused = [
        (event.packet, int(event.sender.endswith(":5555")))
        for event in (events[0] if max(ends) else [])
        if event.kind.endswith("-begun") and event.packet <= last
    ]
    for one in sorted(expected):
        found.remove(one)
    assert set(found) <= set(paused)  # it went on, but only after a pause
    assert not found or sum(steps) >= SECONDS


def test_what_waits_behind_something_begun_does_so_for_a_bounded_time() -> None:
    talk = Talk().shake(b"DEALER", b"DEALER").say(0, LONG[:300]).say(1, frame(b"one"))
    talk.say(0, LONG[300:])
    soon = [0.001 * at for at in range(9)]
    for pause, kinds in (
        (SECONDS - 0.1, ["message", "message"]),
        (SECONDS + 0.1, ["message-begun", "message", "message"]),
    ):
        story, new = Story(keep=False), list[tuple[int, str]]()
        for record in read(pcap(talk.packets, times=[*soon, soon[-1] + pause])):
            new += [(event.packet, event.kind) for _, event in story.feed(record)]
        story.end()
        assert [kind for packet, kind in new if packet > 7] == kinds
        assert [packet for packet, _ in new] == sorted(packet for packet, _ in new)


def test_no_more_waits_than_fits() -> None:
    talk = Talk().shake(b"DEALER", b"DEALER").say(0, LONG[:300])
    for _ in range(2 * MOST):
        talk.say(1, frame(b"one"))
    story = Story(keep=False)
    new = [event for record in read(talk.capture) for _, event in story.feed(record)]
    assert sum(event.kind == "message" for event in new) == 2 * MOST
    assert [event.packet for event in new if event.kind == "message-begun"] == [8]
    assert [event.packet for event in new] == sorted(event.packet for event in new)


def test_the_lab_s_first_experiment_with_a_server_that_is_paused() -> None:
    found = told((CAPTURES / "experiment1-server-paused-11s.pcap").read_bytes())
    kinds = ["syn", "syn-ack", "ack", "greeting-begun", "fin", "fin"]
    assert [[event.kind for event in events] for events in of(found)[1:]] == [kinds] * 3
    assert [events[3].packet for events in of(found)[1:]] == [21, 29, 35]


def test_what_came_to_nothing_is_said_beside() -> None:
    talk = Talk()
    talk.add(0, SYN)
    asked = "1 attempt to connect was not answered: the SYN in packet 1"
    assert asked in story_lines("x", told(talk.capture))
    talk.add(1, SYN | ACK)
    answered = "1 attempt to connect was answered, not completed: the SYN in packet 1"
    assert answered in story_lines("x", told(talk.capture))
    silent = "1 TCP connection carried not a byte: its SYN is packet 1"
    assert silent in story_lines("x", told(Talk().open().close().capture))
    elsewhere = Talk(server=(bytes((10, 0, 0, 3)), 80)).open().close()
    assert len(list(story_lines("x", told(elsewhere.capture)))) == 1
    refused = Talk()
    refused.add(0, SYN)
    refused.add(1, RST | ACK)
    assert asked not in story_lines("x", told(refused.capture))


def early(talk: Talk, *seconds: float) -> list[tuple[float, str]]:
    """Return what is told when of a connection that is looked at, at these times in seconds."""
    story, found = Story(early=True), []
    for packet in read(talk.capture):
        found += [(0.0, event.kind) for _, event in story.feed(packet)]
    for at in seconds:
        assert story.start is not None
        found += [(at, event.kind) for _, event in story.overdue(story.start + int(at * 1e9))]
    return found


def test_where_it_is_asked_for_what_should_be_zmtp_is_told_before_it_says_so() -> None:
    begun = Talk().open().say(0, greeting()[:10])
    handshake = [(1.0, kind) for kind in ("syn", "syn-ack", "ack")]
    assert early(begun, 0.1, 1.0, 2.0) == handshake
    alone = Talk()
    alone.add(0, SYN)
    assert early(alone, 0.1, 1.0, 2.0) == handshake[:1]
    elsewhere = Talk(server=(bytes((10, 0, 0, 3)), 80)).open()
    assert early(elsewhere, 1.0) == []
    foreign = Talk().open().say(0, b"GET / HTTP/1.1\r\n").say(1, b"HTTP/1.1 200 OK\r\n")
    assert early(foreign, 1.0) == []
    usual = Talk().shake()
    assert [kind for at, kind in early(usual, 1.0) if not at][3:5] == ["greeting"] * 2
    answered = Talk().open()  # what came of it is one story, told once
    answered.say(0, greeting()).say(1, greeting())
    assert len(early(answered, 1.0, 5.0)) == 5
