"""Copies are found by whatever trace is left; who is honest is not accused."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from capture.files import packets as packets_of
from capture.packet import Packet
from cli.grade import graded_class
from grade.graded import Graded
from grade.submissions import handed_in
from kelas import CAPTURES, another, pcap, text
from zmtp.patterns import PORTS

CLASSES = CAPTURES / "classes"
FIRST, COPY = "5025241001", "5025241105"
MINE = another(FIRST)
SED = text(MINE, FIRST.encode(), COPY.encode())  # the least that a copier does
Change = Callable[[list[Packet]], list[Packet]]


def rows(folder: Path) -> dict[str, Graded]:
    """Return number -> row."""
    graded = graded_class(handed_in([str(folder)]), PORTS)
    return {row.submission.number: row for row in graded}


def ports(packets: list[Packet]) -> list[Packet]:
    """Give each client another port, as tcprewrite --portmap does."""
    moved = []
    for packet in packets:
        data = bytearray(packet.data)
        for at in 34, 36:
            (port,) = struct.unpack_from("!H", data, at)
            if port not in PORTS:
                struct.pack_into("!H", data, at, port ^ 1234)
        moved.append(packet._replace(data=bytes(data)))
    return moved


def shifted(packets: list[Packet]) -> list[Packet]:
    """Add a random number to the sequence numbers of each direction."""
    shifts: dict[bytes, int] = {}
    moved = []
    for packet in packets:
        data = bytearray(packet.data)
        way, back = bytes(data[34:38]), bytes(data[36:38] + data[34:36])
        for at, direction in (38, way), (42, back):
            shift = shifts.setdefault(direction, random.Random(direction).getrandbits(32))
            (value,) = struct.unpack_from("!I", data, at)
            if value:
                struct.pack_into("!I", data, at, (value + shift) % 2**32)
        moved.append(packet._replace(data=bytes(data)))
    return moved


def stampless(packets: list[Packet]) -> list[Packet]:
    """Overwrite TCP's timestamps with NOP options."""
    moved = []
    for packet in packets:
        data = bytearray(packet.data)
        at = data.find(b"\x08\x0a", 54, 34 + (data[46] >> 4) * 4)
        data[at : at + 10] = b"\1" * 10
        moved.append(packet._replace(data=bytes(data)))
    return moved


def jitter(packets: list[Packet]) -> list[Packet]:
    """Move each packet by up to 200 microseconds."""
    chance = random.Random(1)
    return [p._replace(time=p.time + chance.randrange(200_000)) for p in packets]


def later(packets: list[Packet]) -> list[Packet]:
    return [packet._replace(time=packet.time + 3_600_000_000_000) for packet in packets]


def dropped(packets: list[Packet]) -> list[Packet]:
    chance = random.Random(2)
    return [packet for packet in packets if chance.random() > 0.1]


def headless(packets: list[Packet]) -> list[Packet]:
    return packets[25:]


def without_syn(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if not packet.data[47] & 2]


def merged(packets: list[Packet]) -> list[Packet]:
    return sorted(packets + another("5025249999"), key=lambda packet: packet.time)


def one(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if 5555 in struct.unpack_from("!HH", packet.data, 34)]


CHANGES: dict[str, list[Change]] = {
    "number alone": [],
    "ports": [ports],
    "shifted": [shifted],
    "ports and shifted": [ports, shifted],
    "ports, shifted, no timestamps": [ports, shifted, stampless],
    "ports, shifted, jitter": [ports, shifted, jitter],
    "jitter": [jitter],
    "jitter and clock": [jitter, later],
    "clock": [later],
    "dropped": [dropped],
    "dropped and shifted": [dropped, shifted],
    "no SYN": [without_syn],
    "no SYN and ports": [without_syn, ports],
    "cut head": [headless],
    "cut head and ports": [headless, ports],
    "merged": [merged],
    "one connection": [one],
    "one connection, ports": [one, ports],
    "one connection, shifted": [one, shifted],
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_copy_is_found(how: str, tmp_path: Path) -> None:
    packets = SED
    for change in CHANGES[how]:
        packets = change(packets)
    (tmp_path / f"{FIRST}.pcap").write_bytes(pcap(MINE))
    (tmp_path / f"{COPY}.pcap").write_bytes(pcap(packets))
    (tmp_path / "5025241200.pcap").write_bytes(pcap(another("5025241200")))
    found = rows(tmp_path)
    assert found[FIRST].copy.others == [f"{COPY}.pcap"]
    assert found[COPY].copy.others == [f"{FIRST}.pcap"]
    (said,) = found[COPY].copy.differs
    assert "(" in said  # by what it is known
    assert found["5025241200"].copy.others == []
    assert all(row.copy.beside == [] for row in found.values())


def test_the_evidence_is_said(tmp_path: Path) -> None:
    for name, packets, said in (
        ("5025241105", ports(SED), "sequence numbers, TCP timestamps, rhythm, texts"),
        ("5025241106", shifted(stampless(SED)), "rhythm, texts"),
        ("5025241107", jitter(shifted(SED)), "TCP timestamps, texts"),
    ):
        (tmp_path / f"{FIRST}.pcap").write_bytes(pcap(MINE))
        (tmp_path / f"{name}.pcap").write_bytes(pcap(packets))
        (differs,) = rows(tmp_path)[name].copy.differs
        assert differs.startswith(f"3 of 3 connections ({said})")
        (tmp_path / f"{name}.pcap").unlink()


def test_what_was_said_tells_a_copy_where_no_other_trace_is_left(tmp_path: Path) -> None:
    original = CLASSES / "portmap" / f"{FIRST}.pcap"
    with original.open("rb") as file:
        source = [packet for packet in packets_of(file) if packet.data[12:14] == b"\x08\0"]
    packets = text(source, FIRST.encode(), COPY.encode())
    (tmp_path / f"{FIRST}.pcap").write_bytes(original.read_bytes())
    bare = jitter(stampless(shifted(ports(packets))))
    (tmp_path / f"{COPY}.pcap").write_bytes(pcap(bare))
    (differs,) = rows(tmp_path)[COPY].copy.differs
    assert differs.startswith("1 of 4 connections (texts), 88 packets instead of 90, other ports")


def test_the_given_copy_with_other_ports_is_found() -> None:
    row = rows(CLASSES / "portmap")["5025241105"]
    assert row.copy.others == ["5025241001.pcap"]
    assert "4 of 4 connections (sequence numbers" in row.copy.differs[0]
    assert "other ports" in row.copy.differs[0]


def test_files_of_one_number_never_accuse_each_other() -> None:
    found = rows(CLASSES / "own-files")
    for number in "5025241001", "5025241002", "5025241003", "5025241004+5025241005":
        row = found[number]
        assert (row.copy.others, row.copy.beside) == ([], [])
        assert row.fine, number
    assert len(found["5025241001"].submission.captures) == 2


@pytest.mark.parametrize(
    ("folder", "pair"),
    [("own-files", ("5025241023", "5025241024")), ("any-interface", ("5025241071", "5025241072"))],
)
def test_two_captures_of_one_bridge_are_no_copies(folder: str, pair: tuple[str, str]) -> None:
    found = rows(CLASSES / folder)
    for here, there in pair, pair[::-1]:
        assert found[here].copy.others == []
        assert [name[:10] for name in found[here].copy.beside] == [there]
        assert found[here].others == []  # a number that passed on the same bridge is no mistake


def test_a_saved_copy_of_what_passed_on_a_bridge_is_a_copy(tmp_path: Path) -> None:
    """Its clock is apart by one amount, even if a part of it was moved."""
    data = (CLASSES / "own-files" / "5025241023.pcap").read_bytes()
    (tmp_path / "5025241023.pcap").write_bytes(data)
    (tmp_path / "5025241024.pcap").write_bytes(data[:5000])
    assert [row.copy.others for row in rows(tmp_path).values()] == [
        ["5025241024.pcap"],
        ["5025241023.pcap"],
    ]


def test_no_false_alarm_among_fifty_at_the_same_time_on_one_machine(tmp_path: Path) -> None:
    begin = min(packet.time for packet in MINE)
    for number in range(5025240001, 5025240051):
        packets = another(str(number))
        apart = begin - packets[0].time + random.Random(number).randrange(2_000_000_000)
        same = [packet._replace(time=packet.time + apart) for packet in packets]
        (tmp_path / f"{number}.pcap").write_bytes(pcap(same))
    for name, row in rows(tmp_path).items():
        assert (row.copy.others, row.copy.beside) == ([], []), name
