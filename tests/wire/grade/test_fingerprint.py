"""Grading a class: the table that a lecturer gets, for captures and forms with known flaws."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from capture.packet import Packet
from classes import LAB_FILE, graded, wire
from conftest import Tool
from kelas import LAB, NUMBER, another, form, pcap, text
from output.pcapng import Annotated
from story.reader import read
from story.story import Story
from wire_packets import Talk, stream


def as_pcapng(packets: list[Packet], folder: Path) -> bytes:
    story, copy, out = Story(keep=False), Annotated(str(folder)), io.BytesIO()
    read(stream(pcap(packets)), story, copy.look, copy=copy.copy)
    copy.write(out, story)
    return out.getvalue()


def shorter(packets: list[Packet], keep: Callable[[Packet], bool]) -> list[Packet]:
    return [packet for packet in packets if keep(packet)]


SAME = "same as 1-first.pcap: "


BY = " (sequence numbers, TCP timestamps, rhythm)"


ALL = " (sequence numbers, TCP timestamps, rhythm, texts)"


COPIES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "renamed": (lambda _: pcap(LAB), "byte for byte"),
    "cut": (
        lambda _: pcap(LAB[:33]),
        f"2 of 2 connections{BY}, 33 packets instead of 70",
    ),
    "headless": (
        lambda _: pcap(LAB[20:]),
        f"3 of 3 connections{BY}, 50 packets instead of 70",
    ),
    "filtered": (
        lambda _: pcap(shorter(LAB, lambda packet: 5555 in ports(packet))),
        f"1 of 1 connection{BY}, 20 packets instead of 70",
    ),
    "only ZMTP": (
        lambda _: pcap(shorter(LAB, lambda packet: len(packet.data) > 66 + 8)),
        f"3 of 3 connections{BY}, 30 packets instead of 70",
    ),
    "merged": (
        lambda _: pcap(LAB + another("5025211001")),
        f"3 of 6 connections{BY}, 140 packets instead of 70",
    ),
    "pcapng": (
        lambda folder: as_pcapng(LAB, folder),
        f"3 of 3 connections{ALL}, another file format",
    ),
    "packed": (
        lambda _: gzip.compress(pcap(LAB)),
        f"3 of 3 connections{ALL}, another file format",
    ),
    "replaced": (
        lambda _: pcap(text(LAB, NUMBER, b"5025211999")),
        f'3 of 3 connections{ALL}, "5025211999" instead of "5025211000" and 1 more',
    ),
    "later": (
        lambda _: pcap([packet._replace(time=packet.time + 3_600_000_000_000) for packet in LAB]),
        f"3 of 3 connections{ALL}, clock +3600.000000 s",
    ),
    "headless, later and replaced": (
        lambda _: pcap(
            packet._replace(time=packet.time + 3_600_000_000_000)
            for packet in text(LAB[24:], NUMBER, b"5025211999")
        ),
        f"3 of 3 connections{BY}, 46 packets instead of 70, clock +3600.000000 s, "
        '"5025211999" instead of "5025211000" and 1 more',
    ),
    "addresses": (
        lambda _: pcap(text(LAB, bytes((127, 0, 0, 1)), bytes((10, 1, 2, 3)))),
        f"3 of 3 connections{ALL}, other addresses",
    ),
    "checksums": (
        lambda _: pcap([packet._replace(data=b"\1" + packet.data[1:]) for packet in LAB]),
        f"3 of 3 connections{ALL}, no difference in what is told",
    ),
}


def ports(packet: Packet) -> list[int]:
    return [int.from_bytes(packet.data[34:36]), int.from_bytes(packet.data[36:38])]


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found(how: str, tmp_path: Path) -> None:
    make, differs = COPIES[how]
    (tmp_path / "2-copy.pcap").write_bytes(make(tmp_path))
    (tmp_path / "1-first.pcap").write_bytes(pcap(LAB))
    (tmp_path / "3-other.pcap").write_bytes(pcap(another("5025211003")))
    first, copy, other = graded(tmp_path)
    assert (first["copies"], first["differences"]) == ("2-copy.pcap", "same in 2-copy.pcap")
    assert (copy["copies"], copy["differences"]) == ("1-first.pcap", SAME + differs)
    assert (other["copies"], other["differences"]) == ("", "")


def test_copies_made_with_the_tools_of_wireshark_are_found(
    wireshark: Tool, tshark: Tool, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "1-first.pcap").write_bytes(LAB_FILE.read_bytes())
    (tmp_path / "other").write_bytes(pcap(another("5025211001")))
    options = "-o zmtp.tcp.port:5555,9999,12345 -r 1-first.pcap".split()
    tshark([*options, "-Y", "zmtp", "-w", "2-zmtp.pcapng"], tmp_path)
    tshark([*options, "-Y", "tcp.port==9999", "-F", "nsecpcap", "-w", "3-job.pcap"], tmp_path)
    wireshark(["editcap", "-r", "1-first.pcap", "4-half.pcapng", "1-33"], tmp_path)
    wireshark(["mergecap", "-w", "5-merged.pcap", "other", "1-first.pcap"], tmp_path)
    (tmp_path / "other").unlink()
    first, *rest = graded(tmp_path)
    assert first["copies"].split("; ") == [row["file"] for row in rest]
    assert [row["differences"].partition(" (")[0] for row in rest] == [
        SAME + "3 of 3 connections",
        SAME + "1 of 1 connection",
        SAME + "2 of 2 connections",
        SAME + "3 of 6 connections",
    ]


def test_a_group_of_copies_names_the_first_and_the_others(tmp_path: Path) -> None:
    for number in range(1, 7):
        (tmp_path / f"{number}.pcap").write_bytes(pcap(LAB))
    rows = graded(tmp_path)
    assert rows[0]["differences"] == "same in 2.pcap, 3.pcap, 4.pcap and 2 more"
    assert rows[5]["differences"] == (
        "same as 1.pcap: byte for byte; also in 2.pcap, 3.pcap, 4.pcap and 1 more"
    )
    for index, row in enumerate(rows, 1):
        others = {f"{number}.pcap" for number in range(1, 7)} - {f"{index}.pcap"}
        assert set(row["copies"].split("; ")) == others


def test_a_merged_capture_names_both_that_it_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "1.pcap").write_bytes(pcap(LAB))
    (tmp_path / "2.pcap").write_bytes(pcap(another("5025211002")))
    (tmp_path / "3.pcap").write_bytes(pcap(LAB + another("5025211002")))
    assert graded(tmp_path)[2]["differences"] == (
        f"same as 1.pcap: 3 of 6 connections{BY}, 140 packets instead of 70; "
        f"same as 2.pcap: 3 of 6 connections{BY}, 140 packets instead of 70"
    )


def test_two_students_who_shared_a_machine_are_no_copies(tmp_path: Path) -> None:
    for number, first in enumerate((1_000, 900_000, 3_000_000_000)):
        talk = Talk(first=first).shake().say(0, b"\1\0\0\1" + str(number).encode())
        (tmp_path / f"{number}.pcap").write_bytes(talk.capture)
    rows = graded(tmp_path)
    assert [row["number_found"] for row in rows] == ["yes"] * 3
    assert [row["copies"] for row in rows] == [""] * 3
    one, other = Talk(), Talk()
    other.next[1] += 1 << 20  # of the two sequence numbers, only the client's is the same
    (tmp_path / "8.pcap").write_bytes(one.shake().say(0, b"\1\0\0\0018").capture)
    (tmp_path / "9.pcap").write_bytes(other.shake().say(0, b"\1\0\0\0019").capture)
    assert [row["copies"] for row in graded(tmp_path)[-2:]] == ["0.pcap", ""]


def test_what_could_not_be_compared_is_said(tmp_path: Path) -> None:
    many = b"".join(
        Talk(client=(bytes((10, 0, 0, 2)), 40000 + port), first=port << 20).shake().capture[24:]
        for port in range(201)
    )
    (tmp_path / "1.pcap").write_bytes(pcap([]) + many)
    (tmp_path / "2.pcap").write_bytes(pcap([packet for packet in LAB if ports(packet)[1] < 32768]))
    assert [row["notes"] for row in graded(tmp_path)] == [
        "compared with others: only its first 200 connections",
        "none of its connections can be compared with those of others",
    ]
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB) + many)
    done = wire("--grade", tmp_path / "5025211000.pcap")
    assert "5025211000  complete  yes          -       no form" in done.stdout
    assert done.returncode == 1  # there is something to look at


def test_a_file_that_is_named_twice_is_no_copy(tmp_path: Path) -> None:
    (tmp_path / "5025211000.pcap").write_bytes(pcap(LAB))
    (tmp_path / "5025211000.txt").write_text(form())
    done = wire("--grade", ".", "5025211000.pcap", tmp_path, "5025211000.txt", cwd=tmp_path)
    assert "5025211000  complete  yes          -       12 of 12" in done.stdout
    assert done.stdout.count("5025211000.") == 1
    assert done.returncode == 0
    (tmp_path / "5025211001.pcap").symlink_to("5025211000.pcap")  # who hands this in has a line
    assert [row["copies"] for row in graded(tmp_path)] == ["5025211001.pcap", "5025211000.pcap"]


def test_no_false_alarm_among_many_captures(tmp_path: Path) -> None:
    for number in range(200):
        name = f"{5025212000 + number}"
        (tmp_path / f"{name}.pcap").write_bytes(pcap(another(name)))
    done = wire("--grade", tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "200 handed in: 200 complete, 200 with their number, 0 that share connections, "
        "0 not read in full"
    )
