"""A message under way, and what is kept of its ZMTP frames."""

from zmtp.frames import KEPT, Frame

PARTS = 100  # frames of a message that are kept
WIRE, FRAMES = 256, 8  # bytes of a body that are kept with an event, and frames of it


def shortened(frames: list[Frame], size: int, whole: int = 0) -> list[Frame]:
    """Return the first FRAMES frames, each with its body if that has at most `whole` bytes, or
    else with the first WIRE bytes of it. `size`: of all bodies, in bytes.
    """
    most = max(whole, WIRE)
    if size <= most and len(frames) <= FRAMES:
        return frames
    return [f if f.size <= most else f._replace(body=f.body[:WIRE]) for f in frames[:FRAMES]]


class Pending:
    """A message under way: the first frames of it, and what the others come to."""

    __slots__ = ("beyond", "frames", "kept", "missing", "size")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.frames: list[Frame] = []
        self.kept = 0  # bytes of them
        self.beyond = self.size = self.missing = 0  # frames that are not kept, and their bytes

    def add(self, frame: Frame) -> None:
        if not self.frames or (len(self.frames) < PARTS and self.kept <= KEPT):
            self.frames.append(frame)
            self.kept += len(frame.body)
        else:
            self.beyond += 1
            self.size += frame.size
            self.missing += frame.missing
