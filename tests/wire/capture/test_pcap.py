"""pcap files, as tcpdump writes them."""

import pytest

from capture.files import packets
from wire_packets import pcap, read, stream


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_either_byte_order_and_resolution(order: str, nano: bool) -> None:
    found = read(pcap([b"a", b"b"], order=order, nano=nano))
    assert [(r.number, r.time, r.data) for r in found] == [
        (1, 1_000_000_000, b"a"),
        (2, 1_001_000_000, b"b"),
    ]


def test_a_packet_that_is_cut_has_its_length_on_the_wire() -> None:
    (packet,) = read(pcap([bytes(100)], snap=60))
    assert (len(packet.data), packet.length) == (60, 100)


@pytest.mark.parametrize("link", [0, 1, 101, 113, 276])
def test_the_link_type(link: int) -> None:
    (packet,) = read(pcap([b"a"], link))
    assert packet.link == link


def test_it_says_nothing_of_dropped_packets() -> None:
    assert packets(stream(pcap([]))).dropped == 0
