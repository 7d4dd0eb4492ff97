"""What the receiver of a segment ignores does not count, and is said; honest captures have none."""

import struct
from collections.abc import Callable

import pytest

from command import HELLO, WORLD
from output.text import story_lines
from story.model import Connection
from wire_packets import (
    ACK,
    CAPTURES,
    FIN,
    PUSH,
    RST,
    SYN,
    Talk,
    ethernet,
    frame,
    greeting,
    pcap,
    ready,
    tcp,
    told,
)

FAR = 500_000_000


def checksum(data: bytes) -> int:
    """Return the one's complement sum of 16-bit words (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_sum(packet: bytes, value: int) -> bytes:
    """Return a packet of IPv4 over Ethernet with this TCP checksum."""
    return packet[:50] + struct.pack("!H", value) + packet[52:]


def offloaded(packet: bytes) -> bytes:
    """Return a packet as a host sees it whose network card puts the checksum in."""
    size = len(packet) - 34
    return with_sum(packet, checksum(packet[26:34] + struct.pack("!HH", 6, size)))


def corrupt(packet: bytes) -> bytes:
    """Return a packet of which the last byte is not as it was sent."""
    return packet[:-1] + bytes((packet[-1] ^ 0x20,))


def six(packet: bytes) -> bytes:
    """Return a packet of IPv4 as one of IPv6; a right checksum stays right, a wrong one wrong."""
    source, target, segment = packet[26:30], packet[30:34], packet[34:]
    ends = b"\xfd".ljust(12, b"\0") + source + b"\xfd".ljust(12, b"\0") + target
    (was,) = struct.unpack_from("!H", segment, 16)
    both = (was ^ 0xFFFF) + 0xFFFF - checksum(source + target) + checksum(ends)
    now = checksum(struct.pack("!I", both)) ^ 0xFFFF
    segment = segment[:16] + struct.pack("!H", now) + segment[18:]
    return ethernet(
        struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + ends + segment,
        0x86DD,
    )


def stray(talk: Talk, side: int, what: str) -> bytes:
    """Return a segment from nowhere, as if from one side."""
    ours, theirs = talk.next[side], talk.next[1 - side]
    payload = frame(b"from nowhere")
    seq, ack, flags, data = {
        "RST far ahead": (ours + FAR, theirs, RST, b""),
        "RST far behind": (ours - FAR, theirs, RST, b""),
        "RST, ACK far ahead": (ours + FAR, theirs, RST | ACK, b""),
        "RST just outside": (ours + 70_000_000, theirs, RST, b""),
        "RST in the window": (ours + 10, theirs, RST, b""),
        "SYN": (ours + FAR, 0, SYN, b""),
        "SYN at the next byte": (ours, 0, SYN, b""),
        "SYN near": (ours + 10, 0, SYN, b""),
        "SYN, ACK": (ours + FAR, theirs + FAR, SYN | ACK, b""),
        "data far ahead": (ours + FAR, theirs, ACK | PUSH, payload),
        "FIN far ahead": (ours + FAR, theirs, ACK | FIN, b""),
        "data and FIN far ahead": (ours + FAR, theirs, ACK | FIN, payload),
        "data of which the acknowledgment is far ahead": (ours, theirs + FAR, ACK, payload),
        "data of which the acknowledgment is long past": (ours, theirs - FAR, ACK, payload),
        "a wrong checksum": (ours, theirs, ACK | PUSH, payload),
        "a FIN with a wrong checksum": (ours, theirs, ACK | FIN, payload),
        "a RST with a wrong checksum": (ours, theirs, ACK | RST, payload),
    }[what]
    packet = ethernet(tcp(talk.sides[side], talk.sides[1 - side], seq, ack, flags, data))
    return corrupt(packet) if "checksum" in what else packet


STRAYS = (
    *("RST far ahead", "RST far behind", "RST, ACK far ahead", "RST just outside"),
    *("RST in the window", "SYN", "SYN near", "SYN at the next byte", "SYN, ACK"),
    *("data far ahead", "FIN far ahead", "data and FIN far ahead"),
    "data of which the acknowledgment is far ahead",
    "data of which the acknowledgment is long past",
    *("a wrong checksum", "a FIN with a wrong checksum", "a RST with a wrong checksum"),
)
# Where it comes: behind so many turns of a conversation.
OPENED, GREETED, SHAKEN, ASKED, ANSWERED = range(5)
TURNS: tuple[Callable[[Talk], object], ...] = (
    lambda talk: talk.open(),
    lambda talk: talk.say(0, greeting()).say(1, greeting()),
    lambda talk: talk.say(0, ready(b"REQ")).say(1, ready(b"REP")),
    lambda talk: talk.say(0, HELLO),
    lambda talk: talk.say(1, WORLD),
)


def conversation(side: int, what: str, place: int) -> tuple[list[bytes], int]:
    """Return the packets of a conversation with a stray in it, and its number."""
    talk = Talk()
    for turn in TURNS[: place + 1]:
        turn(talk)
    talk.packets.append(stray(talk, side, what))
    number = len(talk.packets)
    for turn in TURNS[place + 1 :]:
        turn(talk)
    for at in range(5):
        talk.say(0, frame(b"", 1) + frame(b"q%d" % at)).say(1, frame(b"", 1) + frame(b"r%d" % at))
    return talk.close().packets, number


def of(packets: list[bytes]) -> Connection:
    """Return the one connection of a capture, of which all bytes are there and came once."""
    found = told(pcap(packets), each=True)
    (connection,) = found.connections
    assert (connection.missing, connection.retransmitted) == (0, 0), list(story_lines("x", found))
    return connection


def kinds(connection: Connection) -> list[str]:
    return [event.kind for event in connection.events]


@pytest.mark.parametrize("what", STRAYS)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("version", [4, 6])
def test_a_stray_is_said_and_does_not_count(what: str, side: int, version: int) -> None:
    for place in OPENED, GREETED, SHAKEN, ASKED, ANSWERED:
        packets, number = conversation(side, what, place)
        without = packets[: number - 1] + packets[number:]
        if version == 6:
            packets, without = list(map(six, packets)), list(map(six, without))
        found = of(packets)
        assert list(found.requests) == ["Hello", "q0", "q1", "q2", "q3", "q4"]
        assert list(found.replies) == ["World", "r0", "r1", "r2", "r3", "r4"]
        (said,) = [event for event in found.events if event.kind == "ignored"]
        assert (said.packet, said.sender) == (number, (found.client, found.server)[side])
        assert said.note
        rest = [kind for kind in kinds(found) if kind != "ignored"]
        assert rest == kinds(of(without))


@pytest.mark.parametrize("what", STRAYS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_stray_in_a_connection_that_was_begun_before(what: str, side: int) -> None:
    for place in SHAKEN, ASKED, ANSWERED:
        packets, number = conversation(side, what, place)
        for first in 5, 7:
            if what.startswith("SYN") and number - first == 1:
                continue  # with nothing before it, it is an attempt that no one answers
            found = of(packets[first:])
            questions = ["Hello", "q0", "q1", "q2", "q3", "q4"]
            assert found.requests[-5:] == questions[-5:]
            assert found.replies[-5:] == ["r0", "r1", "r2", "r3", "r4"]
            said = [event.packet for event in found.events if event.kind == "ignored"]
            assert said == [number - first]


@pytest.mark.parametrize("name", ["d7-rst-far", "d10-stray-syn", "d4-badsum"])
def test_the_captures_of_strays(name: str) -> None:
    found = told((CAPTURES / f"{name}.pcap").read_bytes(), each=True)
    (connection,) = found.connections
    assert (connection.missing, connection.retransmitted) == (0, 0)
    (said,) = [event for event in connection.events if event.kind == "ignored"]
    assert said.packet == {"d7-rst-far": 10, "d10-stray-syn": 10, "d4-badsum": 8}[name]
    assert connection.counts["request"] == connection.counts["reply"]
    assert "came again" not in "\n".join(story_lines("x", found))


def test_what_was_sent_again_with_other_bytes_is_said() -> None:
    found = told((CAPTURES / "d1-overlap-after.pcap").read_bytes(), each=True)
    (said,) = [e for e in found.connections[0].events if e.kind == "differs"]
    assert (said.packet, said.sender.endswith(":40000")) == (9, True)
    for side in 0, 1:
        for late in 0, 7:
            talk = Talk().shake()
            talk.say(side, frame(b"", 1) + frame(b"AAAA"))
            talk.next[side] -= 8
            talk.say(side, frame(b"", 1) + frame(b"AABB"))
            talk.say(1 - side, HELLO)
            for version in talk.packets, list(map(six, talk.packets)):
                (connection,) = told(pcap(version[late:]), each=True).connections
                (said,) = [e for e in connection.events if e.kind == "differs"]
                assert (said.packet, said.size) == (9 - late, 2)
                assert said.sender == (connection.client, connection.server)[side]
                assert sum("AAAA" in event.text for event in connection.events) == 1


def exchange(talk: Talk, number: int = 5) -> Talk:
    for at in range(number):
        talk.say(0, frame(b"", 1) + frame(b"q%d" % at)).say(1, frame(b"", 1) + frame(b"r%d" % at))
    return talk


def segment(
    talk: Talk, side: int, place: int, flags: int = ACK, data: bytes = b"", window: int = 65535
) -> bytes:
    """Return a segment at a place relative to the next byte of a side."""
    ends = talk.sides[side], talk.sides[1 - side]
    made = tcp(*ends, talk.next[side] + place, talk.next[1 - side], flags, data)
    made.data.win = window
    return ethernet(made)


def honest() -> dict[str, list[bytes]]:
    """Return captures of one connection in which nothing is wrong but what a network does."""
    made = {"plain": exchange(Talk().shake()).close().packets}
    plain = made["plain"]
    made["offload of both"] = list(map(offloaded, plain))
    for side in 0, 1:
        address = Talk().sides[side][0]
        made[f"offload of {side}"] = [
            offloaded(packet) if packet[26:30] == address else packet for packet in plain
        ]
    made["no checksums"] = [with_sum(packet, 0) for packet in plain]
    made["checksums of nothing"] = [with_sum(packet, 0x1234) for packet in plain]
    talk = exchange(Talk().shake())
    large = talk.add(0, ACK | PUSH, frame(b"", 1) + frame(b"x" * 9000), skip=True)
    talk.packets.append(corrupt(large))  # the kernel merged it of several that were right
    made["merged"] = exchange(talk).close().packets
    talk = exchange(Talk().shake())
    for side in 0, 1, 0:
        for data in b"", b"\0":  # RFC 9293, 3.8.4
            talk.packets += segment(talk, side, -1, ACK, data), segment(talk, 1 - side, 0)
    made["keep-alive"] = exchange(talk).close().packets
    talk = exchange(Talk().shake())
    said = frame(b"", 1) + frame(b"waits")
    for _ in range(3):
        talk.packets.append(segment(talk, 1, 0, ACK, window=0))
        talk.packets.append(segment(talk, 0, -1))  # as Linux probes
        talk.packets.append(segment(talk, 0, 0, ACK, said[:1]))  # as others do
    talk.packets.append(segment(talk, 1, 0))
    made["window probe"] = exchange(talk.say(0, said)).close().packets
    talk = exchange(Talk().shake())
    first, second = (talk.add(0, ACK | PUSH, HELLO, skip=True) for _ in range(2))
    talk.packets += second, segment(talk, 1, 0), first
    made["reordered"] = exchange(talk).close().packets
    talk = exchange(Talk().shake())
    again = talk.add(0, ACK | PUSH, HELLO)
    talk.packets += again, again
    made["sent again"] = exchange(talk).close().packets
    made["all twice"] = [packet for packet in plain for _ in range(2)]
    made["handshake again"] = [*plain[:1], *plain[:2], *plain[:2], *plain[2:]]
    talk = exchange(Talk().shake())
    fins = [segment(talk, side, 0, FIN | ACK) for side in (0, 1)]
    talk.next = [talk.next[0] + 1, talk.next[1] + 1]
    made["closed by both at once"] = [*talk.packets, *fins, *(segment(talk, s, 0) for s in (0, 1))]
    made["FIN again"] = [*talk.packets, fins[0], fins[0], *fins, fins[1], segment(talk, 0, 0)]
    talk = exchange(Talk().shake())
    made["RST"] = [*talk.packets, segment(talk, 1, 0, RST | ACK)]
    talk.add(0, FIN | ACK)
    made["RST behind FIN"] = [*talk.packets, segment(talk, 1, 0, RST | ACK)]
    return made


@pytest.mark.parametrize("name", honest())
@pytest.mark.parametrize("version", [4, 6])
def test_nothing_is_said_of_honest_captures(name: str, version: int) -> None:
    packets = honest()[name]
    packets = list(map(six, packets)) if version == 6 else packets
    for first in 0, 3, 7:
        (connection,) = told(pcap(packets[first:]), each=True).connections
        assert not {"ignored", "differs", "gap"} & set(connection.counts)
        assert connection.requests[-5:] == ["q0", "q1", "q2", "q3", "q4"]
        assert connection.replies[-5:] == ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.parametrize("isn", [900_000, 20, 1100, 4_000_000_000])
@pytest.mark.parametrize("closed", [True, False])
def test_ports_that_are_used_again(isn: int, closed: bool) -> None:
    """Whether or not the end of the connection before is in the capture (RFC 9293, 3.6.1)."""
    talk = exchange(Talk().shake())
    if closed:
        talk.close()
    packets = talk.packets + exchange(Talk(first=isn).shake()).close().packets
    for version in packets, list(map(six, packets)):
        found = told(pcap(version), each=True)
        assert [connection.counts["reply"] for connection in found.connections] == [5, 5]
        for connection in found.connections:
            assert not {"ignored", "differs", "gap"} & set(connection.counts)
