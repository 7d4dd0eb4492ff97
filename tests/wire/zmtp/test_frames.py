"""The steps below the story, by property: whatever the cut and the order, the same is read."""

from hypothesis import given
from hypothesis import strategies as st

from links import bodies, cut_at
from wire_packets import (
    frame,
    greeting,
)
from zmtp.frames import KEPT, Frame, Greeting
from zmtp.greeting import Negotiation


@given(bodies, st.lists(st.integers(0, 10000), max_size=30))
def test_frames_cut_anywhere_read_back_the_same(
    frames: list[tuple[bytes, int]], places: list[int]
) -> None:
    data = greeting() + b"".join(frame(body, flags) for body, flags in frames)
    opening, items, ends, total = Negotiation(), [], [], 0
    for number, piece in enumerate(cut_at(data, places), 1):
        items += [item for _, item in opening.feed(0, piece, number, number)]
        total += len(piece)
        ends.append(total)
    assert isinstance(items[0], Greeting)
    assert items[0].version == "3.1"
    assert items[0].mechanism == "NULL"
    at = 64
    for item, (body, flags) in zip(items[1:], frames, strict=True):
        begin, at = at, at + len(frame(body, flags))
        assert isinstance(item, Frame)
        assert (item.body, item.flags & 5) == (body, flags)
        assert item.first == next(n for n, end in enumerate(ends, 1) if end > begin)
        assert item.last == next(n for n, end in enumerate(ends, 1) if end >= at)


def test_a_frame_that_claims_to_be_huge_is_not_kept() -> None:
    opening = Negotiation()
    opening.feed(0, greeting() + b"\x02" + (2**63).to_bytes(8), 1, 1)
    for _ in range(100):
        assert opening.feed(0, bytes(60000), 2, 2) == []
    assert len(opening.readers[0].body) == KEPT
