"""Packets of a network interface as they come.

A packet socket does it, so no other program is needed, but CAP_NET_RAW is.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

from capture.packet import ETHERNET, RAW, CaptureError, Packet
from capture.pcap import SNAP

EVERY = 3  # ETH_P_ALL: packets of all protocols, both ways
OURS = 4  # PACKET_OUTGOING
BUFFER = 16 << 20  # bytes of packets that wait while this process is busy
STAMP, RECEIVE = 35, struct.Struct("@qq")  # SO_TIMESTAMPNS, its timespec
FORCE, PACKET, LOOPBACK = 33, 263, 772  # SO_RCVBUFFORCE, SOL_PACKET, ARPHRD_LOOPBACK
# Without root, Podman gives its containers no right that is one on the user's machine.
HELP = "run it as root (sudo)"
if os.path.exists("/run/.containerenv"):
    HELP = (
        "without root Podman keeps the bridge in a network of its own: "
        "'podman unshare --rootless-netns tcpdump -Z root -ni {} -w zmq.pcap' captures there"
    )


def empty(interface: str) -> bool:
    """Tell whether an interface is a bridge that nothing is connected to."""
    try:
        return not os.listdir(f"/sys/class/net/{interface}/brif")
    except OSError:
        return False


class NoInterface(CaptureError):
    """There is no interface of this name."""


def listen(interface: str) -> socket.socket:
    """Open a socket that gets all packets of an interface; raises CaptureError with the reason."""
    try:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise CaptureError(f"no right to capture: {HELP.format(interface)}") from None
    try:
        raw.bind((interface, EVERY))
    except OSError:
        raw.close()
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise NoInterface(
            f"no such interface: there are {known}; "
            "'docker compose -f compose/zmq.yml up -d' makes that of the lab"
        ) from None
    raw.setsockopt(socket.SOL_SOCKET, STAMP, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # cut to what anyone may have
    # A Ctrl-C in the very moment before the wait for a packet would wait for that packet, too.
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 1, 0))
    with suppress(OSError):  # without CAP_NET_ADMIN that has to do
        raw.setsockopt(socket.SOL_SOCKET, FORCE, BUFFER)
    # Between its own ports a bridge passes on nothing to us, unless it is promiscuous.
    member = struct.pack("iHH8s", socket.if_nametoindex(interface), 1, 0, b"")
    raw.setsockopt(PACKET, 1, member)
    return raw


def link_of(raw: socket.socket) -> int:
    """Return the link type of pcap of a socket's interface: Ethernet, or IP alone (tunnels)."""
    return ETHERNET if raw.getsockname()[3] in (1, LOOPBACK) else RAW[2]


def packets(raw: socket.socket) -> Iterator[Packet]:
    """Yield packets as they come, until the interface goes away, which raises CaptureError."""
    link, loopback = link_of(raw), raw.getsockname()[3] == LOOPBACK
    number = 0
    while True:
        try:
            data, extra, _, address = raw.recvmsg(SNAP, 64)
        except BlockingIOError:  # nothing for a second
            continue
        except OSError as error:
            raise CaptureError(f"the capture ended: {error.strerror}") from None
        if loopback and address[2] == OURS:  # loopback gives each packet twice
            continue
        number += 1
        seconds, nano = RECEIVE.unpack(extra[0][2][:16])
        yield Packet(number, seconds * 1_000_000_000 + nano, link, data, len(data))
