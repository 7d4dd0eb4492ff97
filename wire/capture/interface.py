"""Packets of a network interface as they come, by a ring in memory that the kernel fills.

A packet socket does it (man 7 packet, TPACKET_V3; the kernel's Documentation/networking/
packet_mmap.rst), so no other program is needed, but CAP_NET_RAW is. The kernel puts packets into
blocks, and hands over a block when it is full or was begun some milliseconds ago; it drops what
comes while all blocks wait to be read, and counts it.
"""

import ctypes
import mmap
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from capture.packet import ETHERNET, SLL, CaptureError
from capture.spool import SNAP, Taken

EVERY = 3  # ETH_P_ALL: packets of all protocols, both ways
BLOCK, BLOCKS = 1 << 18, 128  # bytes of a block, of which a packet may fill one; how many
# Milliseconds after which a block is handed over that is not full. So long a page waits, and so
# many times BLOCKS a machine may stall until packets that trickle in have taken all blocks: 4 s.
HAND_OVER = 32
PACKET, ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION = 263, 1, 5, 6, 10  # SOL_PACKET, its options
FILTER = 26  # SO_ATTACH_FILTER
ETHERNETS, LOOPBACK = (1, 772), 772  # ARPHRD_ETHER, ARPHRD_LOOPBACK
USER = 1  # TP_STATUS_USER: a block, or a packet, is ours to read
TAG, TAG_TYPE = 0x10, 0x40  # TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID
STATUS = struct.Struct("=I")
FIRST = struct.Struct("=8xIII")  # tpacket_block_desc: status, packets, where the first is
# tpacket3_hdr: where the next is, seconds, nanoseconds, bytes kept, on the wire, status, where the
# bytes are, VLAN tag; and the address of the packet behind it
HEAD = struct.Struct("=IIIIIIH6xIH")
ADDRESS, ADDRESS_AT = struct.Struct("=2x2s4xHBB8s"), 48  # protocol, kind, way, its length, it
SLL_SIZE = 16
# Without root, Podman gives its containers no right that is one on the user's machine.
HELP = "run it as root (sudo)"
if os.path.exists("/run/.containerenv"):
    HELP = (
        "without root Podman keeps the bridge in a network of its own: "
        "'podman unshare --rootless-netns tcpdump -Z root -ni {} -w zmq.pcap' captures there"
    )


class NoInterface(CaptureError):
    """There is no interface of this name."""


def empty(interface: str) -> bool:
    """Tell whether an interface is a bridge that nothing is connected to."""
    try:
        return not os.listdir(f"/sys/class/net/{interface}/brif")
    except OSError:
        return False


def kind_of(interface: str) -> int:
    """Return what kind of device an interface is (ARPHRD_…).

    Raises CaptureError if there is no right to capture there, and NoInterface.
    """
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind((interface, 0))
            return int(raw.getsockname()[3])
    except PermissionError:
        raise CaptureError("no right to capture: {help}", help=HELP.format(interface)) from None
    except OSError:
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise NoInterface(
            f"no such interface: there are {known}; "
            "'docker compose -f compose/zmq.yml up -d' makes that of the lab"
        ) from None


class Ring:
    """The packets of an interface, but those of a TCP port if one is given.

    `link` is their link type: Ethernet, or that of Linux with the protocol alone (SLL), since what
    other devices put before a packet differs. Raises CaptureError as kind_of does.
    """

    def __init__(self, interface: str, port: int = 0) -> None:
        kind = kind_of(interface)
        ethernet = kind in ETHERNETS
        self.link = ETHERNET if ethernet else SLL
        self.received = self.dropped = 0  # packets, the dropped ones are received too
        how = socket.SOCK_RAW if ethernet else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_PACKET, how, 0)  # 0: nothing before it is bound
        self.socket.setsockopt(PACKET, VERSION, 2)
        self._memory = self._make()
        self._view = memoryview(self._memory)
        self._at, self._count = 0, len(self._view) // BLOCK
        self._filter(program(kind == LOOPBACK, port if ethernet else 0))
        # Between its own ports a bridge passes on nothing to us, unless it is promiscuous.
        member = struct.pack("iHH8s", socket.if_nametoindex(interface), 1, 0, b"")
        self.socket.setsockopt(PACKET, ADD_MEMBERSHIP, member)
        self.socket.bind((interface, EVERY))
        self.error()  # that it is down yet is none

    def _make(self) -> mmap.mmap:
        """Return the memory of the ring, less than is best where there is little."""
        count = BLOCKS
        while True:
            ring = struct.pack("7I", BLOCK, count, BLOCK, count, HAND_OVER, 0, 0)
            try:
                self.socket.setsockopt(PACKET, RX_RING, ring)
                return mmap.mmap(self.socket.fileno(), BLOCK * count)
            except OSError:
                if count < 8:
                    raise
                count //= 2

    def _filter(self, code: bytes) -> None:
        kept = ctypes.create_string_buffer(code, len(code))
        program = struct.pack("HP", len(code) // 8, ctypes.addressof(kept))
        self.socket.setsockopt(socket.SOL_SOCKET, FILTER, program)

    def fileno(self) -> int:
        return self.socket.fileno()

    def ready(self) -> bool:
        """Tell whether a block is there to be read."""
        return bool(STATUS.unpack_from(self._view, self._at * BLOCK + 8)[0] & USER)

    def packets(self) -> Iterator[Taken]:
        """Yield the packets of the block: time (ns since 1970), bytes, length on the wire."""
        view, base = self._view, self._at * BLOCK
        _, count, at = FIRST.unpack_from(view, base)
        at += base
        for _ in range(count):
            step, seconds, nano, kept, length, status, mac, tag, kind = HEAD.unpack_from(view, at)
            data: bytes | memoryview = view[at + mac : at + mac + kept]
            if self.link == SLL:
                data, length = self._cooked(at) + bytes(data), length + SLL_SIZE
            elif status & TAG and kept >= 12:  # the kernel has taken it out
                tags = struct.pack("!HH", kind if status & TAG_TYPE else 0x8100, tag)
                data, length = b"".join((data[:12], tags, data[12:])), length + 4
            yield seconds * 1_000_000_000 + nano, data, length
            at += step

    def _cooked(self, at: int) -> bytes:
        """Return the header of SLL for a packet."""
        protocol, kind, way, size, address = ADDRESS.unpack_from(self._view, at + ADDRESS_AT)
        return struct.pack("!HHH8s2s", way, kind, size, address, protocol)

    def release(self) -> None:
        """Give the block back to the kernel, once it is read."""
        STATUS.pack_into(self._view, self._at * BLOCK + 8, 0)
        self._at = (self._at + 1) % self._count

    def count(self) -> None:
        """Look how many packets were received and dropped until now."""
        statistics = self.socket.getsockopt(PACKET, STATISTICS, 12)
        received, dropped, _ = struct.unpack("III", statistics)
        self.received += received
        self.dropped += dropped

    def error(self) -> int:
        """Return why no more packets come, and forget it: the interface went down or away."""
        return int(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def stop(self) -> None:
        """Take no more packets; those that came are still handed over, after HAND_OVER."""
        self._filter(struct.pack("HBBI", 6, 0, 0, 0))

    def close(self) -> None:
        with suppress(BufferError):  # an error on the way has left pieces of it behind
            self._view.release()
            self._memory.close()
        self.socket.close()


def program(loopback: bool, port: int) -> bytes:
    """Return a program of the classic BPF (linux/filter.h) that lets packets pass, up to SNAP.

    Not those that leave by the loopback, since they come in again; nor, over Ethernet, the TCP
    packets of a port if one is given: those of the page, of which each that is captured would be
    told to the browsers, captured, … For that it looks for IPv4 or IPv6 with TCP, and for the port
    as the source or as the target.
    """
    half, byte, half_x, header = 0x28, 0x30, 0x48, 0xB1  # loads; half_x: after the IPv4 header
    same, end, way, out = 0x15, 0x06, 0xFFFFF004, 4  # SKF_AD_PKTTYPE, PACKET_OUTGOING
    code: list[tuple[int, int, int, int]] = []  # what, steps to skip if the same, if not, value
    if loopback:
        code += [(byte, 0, 0, way), (same, 0, 1, out), (end, 0, 0, 0)]
    if port:
        code += [
            *((half, 0, 0, 12), (same, 0, 7, 0x0800), (byte, 0, 0, 23), (same, 0, 13, 6)),
            *((header, 0, 0, 14), (half_x, 0, 0, 14), (same, 9, 0, port), (half_x, 0, 0, 16)),
            *((same, 7, 8, port), (same, 0, 7, 0x86DD), (byte, 0, 0, 20), (same, 0, 5, 6)),
            *((half, 0, 0, 54), (same, 2, 0, port), (half, 0, 0, 56), (same, 0, 1, port)),
            (end, 0, 0, 0),
        ]
    code.append((end, 0, 0, SNAP))
    return b"".join(struct.pack("HBBI", *each) for each in code)
