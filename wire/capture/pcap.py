"""pcap files, as tcpdump writes them.

They are read here with struct, since dpkt's reader drops the length on the wire and the
resolution of the clock.
"""

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from capture.packet import LARGEST, CaptureError, Packet
from capture.pcapng import INTERFACE, PACKET, RESOLUTION, SECTION, option, section

if TYPE_CHECKING:
    from capture.annotated import AnnotatedCopy

make = tuple.__new__  # makes a NamedTuple in a third of the time
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
# magic number as it is read -> byte order, units of the clock a second
MAGICS = {
    struct.pack(order + "I", magic): (order, units)
    for order in "<>"
    for magic, units in ((MICRO, 1_000_000), (NANO, 1_000_000_000))
}


class PcapReader:
    """The packets of a pcap file, whose magic number is read already.

    `copy` is given what is read as the blocks that pcapng has for it.
    """

    dropped = 0  # such a file does not say

    def __init__(self, file: BinaryIO, magic: bytes, copy: "AnnotatedCopy | None" = None) -> None:
        self.file, self.copy = file, copy
        self.order, self.units = MAGICS[magic]

    def __iter__(self) -> Iterator[Packet]:
        """Yield the packets; raises CaptureError after those that could be read."""
        read, copy = self.file.read, self.copy
        header = read(20)
        if len(header) < 20:
            raise CaptureError("cut short in its first line: nothing was captured")
        snap, link = struct.unpack_from(self.order + "II", header, 12)
        link &= 0xFFFF
        if copy:
            self._begin(copy, link, snap)
        unpack = struct.Struct(self.order + "IIII").unpack
        unit, number = 1_000_000_000 // self.units, 0
        while head := read(16):
            number += 1
            try:
                seconds, fraction, captured, length = unpack(head)
            except struct.error:
                raise CaptureError("cut short in packet {packet}", packet=number) from None
            if captured > LARGEST:
                raise CaptureError("damaged at packet {packet}", packet=number)
            data = read(captured)
            if len(data) < captured:
                raise CaptureError("cut short in packet {packet}", packet=number)
            if copy:
                high, low = divmod(seconds * self.units + fraction, 1 << 32)
                fields = struct.pack(self.order + "IIIII", 0, high, low, captured, length)
                copy.take(self.order, PACKET, fields + data, number)
            time = seconds * 1_000_000_000 + fraction * unit
            yield make(Packet, (number, time, link, data, length))

    def _begin(self, copy: "AnnotatedCopy", link: int, snap: int) -> None:
        """Give the copy one section with one interface."""
        order, resolution = self.order, b""
        if self.units > 1_000_000:
            resolution = option(order, RESOLUTION, bytes([9])) + bytes(4)
        copy.take(order, SECTION, section(order))
        copy.take(order, INTERFACE, struct.pack(order + "HHI", link, 0, snap) + resolution)
