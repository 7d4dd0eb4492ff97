"""One direction of a TCP connection: what waits comes out in the order of the stream."""

from tcp.direction import CLIENT, WRAP, Direction, ahead
from tcp.segment import Segment


def segment(number: int, seq: int) -> Segment:
    return Segment(number, 0.0, bytes(12), seq % WRAP, 0, 16, b"x", 0, b"", 0)


def test_sequence_numbers_wrap_around() -> None:
    assert ahead(5, WRAP - 5) == 10
    assert ahead(WRAP - 5, 5) == -10
    assert ahead(7, 7) == 0


def test_what_waits_comes_out_in_order_also_around_the_wrap() -> None:
    one = Direction(CLIENT)
    places = [WRAP - 2, WRAP + 3, WRAP - 7, WRAP]
    for number, seq in enumerate(places, 1):
        one.wait(segment(number, seq), 0.0)
    found = []
    while one.top():
        found.append(one.pop().seq)
    assert found == [seq % WRAP for seq in sorted(places)]
    assert one.waiting is None


def test_of_two_at_one_place_the_earlier_packet_is_first() -> None:
    one = Direction(CLIENT)
    for number in 9, 3:
        one.wait(segment(number, 100), 0.0)
    assert [one.pop().number, one.pop().number] == [3, 9]
