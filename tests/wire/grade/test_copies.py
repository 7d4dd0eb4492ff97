"""Copies are found by whatever trace is left; who is honest is not accused."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from capture.files import packets as packets_of
from capture.packet import Packet
from classes import numbered
from grade.classes import graded_class
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


def dropped(packets: list[Packet], seed: int = 2, part: float = 0.1) -> list[Packet]:
    chance = random.Random(seed)
    return [packet for packet in packets if chance.random() > part]


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


@pytest.mark.parametrize("seed", range(8))
def test_a_copy_that_lacks_packets_is_found_by_what_comes_after_the_gaps(
    seed: int, tmp_path: Path
) -> None:
    (tmp_path / f"{FIRST}.pcap").write_bytes(pcap(MINE))
    (tmp_path / f"{COPY}.pcap").write_bytes(pcap(dropped(shifted(SED), seed, 0.2)))
    assert rows(tmp_path)[COPY].copy.others == [f"{FIRST}.pcap"]


def scripted(number: int) -> list[Packet]:
    """Return what a student captured in a class where one script paced all, in the same second."""
    chance, shifts = random.Random(number), dict[bytes, int]()
    with (CLASSES / "portmap" / f"{FIRST}.pcap").open("rb") as file:
        taken = [packet for packet in packets_of(file) if packet.data[12:14] == b"\x08\0"]
    packets: list[Packet] = []
    for packet in stampless(text(taken, FIRST.encode(), str(number).encode())):
        data = bytearray(packet.data)
        way, back = bytes(data[34:38]), bytes(data[36:38] + data[34:36])
        for at, direction in (38, way), (42, back):
            (value,) = struct.unpack_from("!I", data, at)
            shift = shifts.setdefault(direction, chance.getrandbits(32))
            struct.pack_into("!I", data, at, (value + shift) % 2**32)
        if (at := data.find(b"\x00\x05\x80\x04K")) > 0:
            data[at + 5] = chance.randint(1, 2)  # so that some of fifty draw the same by chance
        time = packet.time + chance.randrange(300_000)
        packets.append(packet._replace(data=bytes(data), time=time))
    return ports(packets)


def test_the_same_few_jobs_accuse_no_one_where_a_script_paced_all(tmp_path: Path) -> None:
    for number in range(5025242001, 5025242051):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(scripted(number)))
    found = rows(tmp_path)
    assert len(found) == 50 and all(row.complete for row in found.values())
    assert [name for name, row in found.items() if row.copy.others or row.copy.beside] == []


def noted(packets: list[Packet], seed: int, most: int) -> list[Packet]:
    """Return the packets as one more capture of a bridge noted them, up to `most` ns later."""
    chance = random.Random(seed)
    late = [packet._replace(time=packet.time + chance.randrange(most)) for packet in packets]
    return numbered(sorted(late, key=lambda packet: packet.time))


def bridge(*numbers: str) -> list[Packet]:
    """Return what passed on the bridge of several students, who began one second apart."""
    begin = MINE[0].time
    labs = [another(number) for number in numbers]
    starts = [begin - lab[0].time + at * 1_000_000_000 for at, lab in enumerate(labs)]
    moved = [p._replace(time=p.time + s) for lab, s in zip(labs, starts, strict=True) for p in lab]
    return sorted(moved, key=lambda packet: packet.time)


@pytest.mark.parametrize(("apart", "most"), [(0, 5_000), (0, 40_000), (0, 300_000), (1500, 1400)])
@pytest.mark.parametrize("students", [2, 3])
def test_whoever_captured_one_bridge_is_no_copier(
    apart: int, most: int, students: int, tmp_path: Path
) -> None:
    numbers = [str(5025243001 + at) for at in range(students)]
    passed = bridge(*numbers)
    if apart:  # ns between packets: two messages in the same microsecond are two all the same
        passed = [p._replace(time=MINE[0].time + at * apart) for at, p in enumerate(passed)]
    for seed, number in enumerate(numbers):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(noted(passed, seed, most)))
    for row in rows(tmp_path).values():
        assert (row.copy.others, len(row.copy.beside), row.others) == ([], students - 1, [])


def test_who_shared_a_bridge_has_no_part_in_a_copy_of_the_other(tmp_path: Path) -> None:
    one, two, three = "5025243001", "5025243002", "5025243003"
    passed = bridge(one, two)
    (tmp_path / f"{one}.pcap").write_bytes(pcap(noted(passed, 1, 40_000)))
    (tmp_path / f"{two}.pcap").write_bytes(pcap(noted(passed, 2, 40_000)))
    edited = text(noted(passed, 1, 40_000), one.encode(), three.encode())
    (tmp_path / f"{three}.pcap").write_bytes(pcap(edited))
    found = rows(tmp_path)
    copied = {number: row.copy.others for number, row in found.items()}
    assert copied == {one: [f"{three}.pcap"], two: [], three: [f"{one}.pcap"]}
    assert found[two].copy.beside == [f"{one}.pcap"]
