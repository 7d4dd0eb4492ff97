"""Packets of a network interface as they come, and the pcap file that keeps them.

A packet socket does it, so no other program is needed, but CAP_NET_RAW is.
"""

import os
import socket
import struct
from collections.abc import Iterator
from typing import BinaryIO

from frames import ETHERNET, RAW, CaptureError, Record

EVERY = 3  # ETH_P_ALL: packets of all protocols, both ways
OURS = 4  # PACKET_OUTGOING
SIZE = 262144  # bytes of a packet that are kept, as tcpdump does
BUFFER = 16 << 20  # bytes of packets that wait while this process is busy
PACKET, ADD_MEMBERSHIP, PROMISCUOUS = 263, 1, 1  # packet(7)
STAMP, RECEIVE = 35, struct.Struct("@qq")  # SO_TIMESTAMPNS, its timespec


def packets(interface: str) -> Iterator[Record]:
    """Yield packets from an interface until it goes away; raises CaptureError with the reason."""
    try:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise CaptureError("no right to capture: run it as root (sudo)") from None
    with raw:
        try:
            raw.bind((interface, EVERY))
        except OSError as error:
            known = ", ".join(name for _, name in socket.if_nameindex())
            raise CaptureError(f"no such interface: {error.strerror}; there are {known}") from None
        raw.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # as far as the kernel allows
        # A bridge shows what its ports send to each other only to one that asks for all of it.
        everything = struct.pack("iHH8x", socket.if_nametoindex(interface), PROMISCUOUS, 0)
        raw.setsockopt(PACKET, ADD_MEMBERSHIP, everything)
        loopback = raw.getsockname()[3] == 772  # ARPHRD_LOOPBACK gives each packet twice
        link = ETHERNET if raw.getsockname()[3] in (1, 772) else RAW[2]
        number = 0
        while True:
            try:
                data, extra, _, address = raw.recvmsg(SIZE, 64)
            except OSError as error:
                raise CaptureError(f"the capture ended: {error.strerror}") from None
            if loopback and address[2] == OURS:
                continue
            number += 1
            seconds, nano = RECEIVE.unpack(extra[0][2][:16])
            yield Record(number, seconds * 1_000_000_000 + nano, link, data, len(data))


def create(path: str) -> BinaryIO:
    """Create a file for this user, or if that is root, for the owner of the folder.

    A container runs as root: the file in the user's folder should be theirs to delete.
    """
    file = open(path, "wb")
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(os.path.abspath(path)))
        os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
    return file


def keep(file: BinaryIO, record: Record) -> None:
    """Add a packet to a pcap file of nanoseconds; the first one brings the header."""
    if record.number == 1:
        header(file, record.link)
    seconds, nano = divmod(record.time, 1_000_000_000)
    file.write(struct.pack("<IIII", seconds, nano, len(record.data), record.length) + record.data)
    file.flush()


def header(file: BinaryIO, link: int = ETHERNET) -> None:
    """Begin a pcap file."""
    file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SIZE, link))
    file.flush()
