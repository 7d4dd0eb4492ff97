"""pcapng files: interfaces, their clocks, what was dropped, and bounds."""

import struct

import pytest

from capture.files import packets
from capture.packet import CaptureError
from capture.pcapng import INTERFACES
from tcp.segment import Segment, segment
from wire_packets import (
    CLIENT,
    SERVER,
    SYN,
    block,
    enhanced,
    ethernet,
    interface,
    option,
    read,
    section,
    statistics,
    stream,
    tcp,
)

END = bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
def test_several_interfaces_keep_their_clocks(order: str) -> None:
    plain = tcp(CLIENT, SERVER, 5, 0, SYN)
    offset = option(14, struct.pack(order + "q", 100), order)
    found = read(
        section(order)
        + interface(1, order=order)
        + interface(101, option(9, b"\x09", order) + offset + END, order)
        + interface(276, option(9, b"\x8a", order) + END, order)
        + statistics(order=order)  # to be passed over
        + enhanced(ethernet(plain), 0, 1_500_000, order=order)
        + enhanced(bytes(plain), 1, 2_000_000_007, order=order)
        + enhanced(bytes(20), 2, 3 << 10, order=order)
        + block(3, struct.pack(order + "I", 60) + bytes(60), order)
    )
    assert [(r.number, r.time, r.link) for r in found] == [
        (1, 1_500_000_000, 1),
        (2, 102_000_000_007, 101),
        (3, 3_000_000_000, 276),
        (4, 0, 1),
    ]
    assert [part.seq for part in map(segment, found[:2]) if isinstance(part, Segment)] == [5, 5]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_obsolete_block_of_a_packet(order: str) -> None:
    body = struct.pack(order + "HHIIII", 1, 7, 0, 1_500_000, 2, 9) + b"ab"
    found = read(section(order) + interface(1, order=order) * 2 + block(2, body, order))
    assert found == [(1, 1_500_000_000, 1, b"ab", 9)]


def dropped(file: bytes) -> int:
    capture = packets(stream(file))
    list(capture)
    return capture.dropped


def counted(which: int, code: int, count: int) -> bytes:
    return statistics(which, option(4, bytes(8)) + option(code, struct.pack("<Q", count)) + END)


def test_what_was_dropped_is_counted_by_interface_and_section() -> None:
    """Each counts from the beginning of the capture: the last block of an interface counts."""
    first = section() + interface() * 2 + counted(0, 5, 3) + counted(1, 7, 40) + counted(0, 5, 5)
    second = section() + interface() + counted(0, 5, 100)
    assert dropped(first) == 45
    assert dropped(first + second) == 145
    assert dropped(section() + counted(3, 5, 1)) == 0  # of no interface


def test_more_interfaces_than_any_capture_has_are_not_kept() -> None:
    file = section() + interface() * (INTERFACES + 1) + enhanced(b"a")
    with pytest.raises(CaptureError, match="it has more than 65,536 interfaces"):
        read(file)
    file = section() + interface() * INTERFACES + enhanced(b"a", INTERFACES - 1)
    assert len(read(file + file)) == 2  # each section has its own


def test_more_options_than_any_block_has_are_passed_over() -> None:
    many = option(1, b"") * 1_000_000
    found = read(section() + interface(1, many + option(9, b"\x09") + END) + enhanced(b"a", 0, 5))
    assert [packet.time for packet in found] == [5000]  # the resolution behind them is not seen


@pytest.mark.parametrize("size", [3, 5, 9, 13, 27])
def test_a_section_that_is_cut(size: int) -> None:
    with pytest.raises(CaptureError):
        read(section()[:size])
