"""Bytes that are cut anywhere."""

from itertools import pairwise

from hypothesis import strategies as st

bodies = st.lists(
    st.tuples(st.binary(max_size=600), st.sampled_from((0, 1, 4))), min_size=1, max_size=12
)


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    """Cut data into pieces."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(marks) if b > a]
