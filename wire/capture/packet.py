"""A packet as it stands in a capture, and what can be wrong with a capture."""

from typing import NamedTuple

from safe import Said

# Link types of pcap: what the bytes of a packet begin with.
NULL, ETHERNET, LOOP, SLL, SLL2 = 0, 1, 108, 113, 276
RAW = (12, 14, 101, 228, 229)
LARGEST = 1 << 24  # bytes: a longer packet or block means that the file is damaged


class CaptureError(Exception):
    """What is read is no capture, or is damaged or cut short; `said` says how and where."""

    def __init__(self, text: str, **fields: object) -> None:
        self.said = Said(text, **fields)
        super().__init__(self.said)


class NotWritten(OSError):
    """There is no room for a copy; the capture that is read is not to blame."""


class Packet(NamedTuple):
    """One packet as it stands in the capture."""

    number: int  # 1, 2, … as in Wireshark
    time: int  # nanoseconds since 1970
    link: int  # link type of pcap
    data: bytes
    length: int  # bytes on the wire; more than len(data) if cut by the snap length
