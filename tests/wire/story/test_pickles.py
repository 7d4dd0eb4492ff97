"""The steps below the story, by property: whatever the cut and the order, the same is read."""

import pytest

from story.pickles import pickled


@pytest.mark.parametrize("number", [0, 5, 255, 256, 65535, 2**31, -1, 2**40])
@pytest.mark.parametrize("protocol", range(6))
def test_pickled_ints_are_read(number: int, protocol: int) -> None:
    import pickle

    assert pickled(pickle.dumps(number, protocol)) == number


def test_other_pickles_are_named_and_never_run() -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit('unpickled')",))

    for thing in Evil(), [1, 2], "Hello", True, 1.5, 10**40:
        assert pickled(pickle.dumps(thing)) == "pickle"
    for text in b"Hello.", b".", b"\x80.", b"5.":
        assert pickled(text) is None
