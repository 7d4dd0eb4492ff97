"""A pcapng file that grows: what is written is read, also by others, and on a full disk."""

import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from capture.files import packets
from capture.packet import Packet
from capture.spool import PcapngFollower, PcapngWriter, statistics
from wire_packets import stream

Tshark = Callable[[list[str], Path], str]

TIME = 1_795_392_860_123_456_789  # ns
WAY = [(TIME + at, bytes([at]) * (at + 60), at + 100) for at in range(9)]
EXPECTED = [Packet(at + 1, time, 1, data, size) for at, (time, data, size) in enumerate(WAY)]


def test_what_is_written_is_read_while_it_grows(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        writer, follower = PcapngWriter(file.fileno()), PcapngFollower(file.fileno())
        assert list(follower.packets()) == []
        writer.interface("br-zmq", 1)
        found: list[Packet] = []
        for each in WAY:
            writer.add([each])
            found += follower.packets()
        assert found == EXPECTED
        writer.statistics(TIME, 12, 3)
        assert list(follower.packets()) == []
        assert follower.blocks.dropped == 3
        assert b"".join(follower.kept()) == (tmp_path / "x").read_bytes()
    capture = packets(stream((tmp_path / "x").read_bytes()))
    assert (list(capture), capture.dropped) == (EXPECTED, 3)


def test_it_is_enough_for_this_time(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        writer, follower = PcapngWriter(file.fileno()), PcapngFollower(file.fileno())
        writer.interface("br-zmq", 1)
        writer.add(WAY)
        found = list(follower.packets(lambda: follower.number == 4))
        assert found == EXPECTED[:4]
        assert len(b"".join(follower.kept())) < writer.size
        assert list(follower.packets()) == EXPECTED[4:]


@pytest.mark.parametrize("size", range(1, 60))
def test_a_block_that_is_half_there_is_left_for_later(size: int, tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        writer = PcapngWriter(file.fileno())
        writer.interface("br-zmq", 1)
        writer.add(WAY[:1])
        whole = (tmp_path / "x").read_bytes()
        file.truncate(len(whole) - size)
        follower = PcapngFollower(file.fileno())
        assert list(follower.packets()) == []
        os.pwrite(file.fileno(), whole[-size:], len(whole) - size)
        assert list(follower.packets()) == EXPECTED[:1]


def test_what_the_recorder_says_of_drops_is_in_what_is_given_away(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        writer, follower = PcapngWriter(file.fileno()), PcapngFollower(file.fileno())
        writer.interface("br-zmq", 1)
        writer.add(WAY)
        list(follower.packets())
        follower.dropped = 7
        capture = packets(stream(b"".join(follower.kept())))
        assert (len(list(capture)), capture.dropped) == (9, 7)
        writer.statistics(TIME, 16, 7)  # and not twice
        list(follower.packets())
        capture = packets(stream(b"".join(follower.kept())))
        assert (len(list(capture)), capture.dropped) == (9, 7)


def test_on_a_full_disk_it_ends_with_a_whole_packet(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "x").open("w+b") as file:
        writer = PcapngWriter(file.fileno())
        writer.interface("br-zmq", 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                for each in WAY:
                    writer.add([each])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        kept = packets(stream((tmp_path / "x").read_bytes()))
        assert list(kept) == EXPECTED[: writer.packets]
        assert 0 < writer.packets < 9
        writer.add(WAY[writer.packets :])  # there is room again
    assert list(packets(stream((tmp_path / "x").read_bytes()))) == EXPECTED


def test_memory_of_what_was_read_is_given_up() -> None:
    fd = os.memfd_create("packets")
    writer, follower = PcapngWriter(fd), PcapngFollower(fd, release=True)
    writer.interface("br-zmq", 1)
    for _ in range(40):
        writer.add([(TIME, bytes(250_000), 250_000)] * 4)
        assert len(list(follower.packets())) == 4
    assert writer.size > 40e6
    assert os.fstat(fd).st_blocks * 512 < 4e6
    os.close(fd)


def test_wireshark_reads_it(tmp_path: Path, tshark: Tshark) -> None:
    with (tmp_path / "x.pcapng").open("w+b") as file:
        writer = PcapngWriter(file.fileno())
        writer.interface("br-zmq", 1)
        writer.add(WAY)
        writer.statistics(TIME, 12, 3)
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name"]
    asked = [word for field in fields for word in ("-e", field)]
    rows = tshark(["-r", "x.pcapng", "-T", "fields", *asked], tmp_path).splitlines()
    assert rows[1].split("\t") == ["1795392860.123456790", "101", "61", "br-zmq"]
    assert len(rows) == 9


def test_statistics_are_those_that_wireshark_shows() -> None:
    """As dumpcap writes them: received 4, dropped 5."""
    said = statistics(0, 0, 12, 3)
    assert said[20:44] == (b"\4\0\10\0\x0c\0\0\0\0\0\0\0\5\0\10\0\3\0\0\0\0\0\0\0")


def test_a_temporary_file_will_do() -> None:
    with tempfile.TemporaryFile() as file:
        writer, follower = PcapngWriter(file.fileno()), PcapngFollower(file.fileno(), True)
        writer.interface("lo", 113)
        writer.add(WAY)
        assert [packet.link for packet in follower.packets()] == [113] * 9
