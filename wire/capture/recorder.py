"""Packets for the live page: one process captures into a file, another one follows that file.

So nothing that the server does, nor how many browsers ask, can make the capture lose a packet;
and what was seen so far can be had at any moment, since it is in the file already.
"""

import asyncio
import ctypes
import os
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from capture.files import create
from capture.interface import PACKET, NoInterface, link_of, listen, packets
from capture.packet import ETHERNET, CaptureError
from capture.pcap import HEAD, PcapWriter

KEPT = 1 << 30  # bytes that are kept where no file was asked for
PLACES = os.environ.get("TMPDIR"), "/var/tmp", "/tmp"  # for them: on a disk, if there is one
PAUSE = 0.3  # seconds between two looks whether the interface is there
FILTER = 26  # SO_ATTACH_FILTER
STATISTICS = 6  # PACKET_STATISTICS: packets and drops since the last look
END_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Recorder:
    """A process that keeps the packets of an interface, but those of `port`, and their file.

    Raises CaptureError without the right to capture, OSError if the file cannot be made.
    """

    def __init__(self, interface: str, path: str | None, port: int) -> None:
        with suppress(NoInterface):
            listen(interface).close()
        file = create(path) if path else _temporary()
        self.fd = os.open(path, os.O_RDONLY) if path else os.dup(file.fileno())
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._said, say = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            status = 1
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
            ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)
            try:
                keep(interface, port, file, 0 if path else KEPT, self._wake, say)
                status = 0
            finally:
                os._exit(status)
        os.close(say)
        file.close()

    async def watch(self, wake: Callable[[], None], hear: Callable[[str], None]) -> None:
        """Call `wake` after packets, and `hear` with each line for people.

        Lines are "live", "waiting", "dropped N", or "ended: " and why.
        """
        loop = asyncio.get_running_loop()

        def woken() -> None:
            os.eventfd_read(self._wake)
            wake()

        def said() -> None:
            lines = os.read(self._said, 4096).decode()
            if not lines:
                loop.remove_reader(self._said)
            for line in lines.splitlines():
                hear(line)

        loop.add_reader(self._wake, woken)
        loop.add_reader(self._said, said)

    def end(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # the file is complete after every packet
        os.waitpid(self.pid, 0)


def _temporary() -> BinaryIO:
    """Return a file without a name, but never in the folder where one stands."""
    for place in filter(None, PLACES):
        with suppress(OSError):
            return tempfile.TemporaryFile(dir=place)
    raise OSError("there is no place for one: -w FILE says where to keep what is captured")


def keep(interface: str, port: int, file: BinaryIO, most: int, wake: int, out: int) -> None:
    """Capture until a signal comes; wait for the interface where it is not there.

    After a packet `wake` is written to, an eventfd, and to `out` a line for people: "live",
    "waiting", "dropped N", or "ended: " and why.
    """
    writer, link, size = None, 0, 0
    try:
        while True:
            with _await(interface, out) as raw:
                if writer is None:
                    link = link_of(raw)
                    writer = PcapWriter(file, link)
                elif link_of(raw) != link:
                    raise CaptureError("its packets are of another kind now")
                if port and link == ETHERNET:
                    _except(raw, port)
                _say(out, "live")
                due = 0.0
                with suppress(CaptureError):  # the interface is gone: wait for the next
                    for packet in packets(raw):
                        writer.add(packet)
                        os.eventfd_write(wake, 1)
                        size += HEAD.size + len(packet.data)
                        if most and size > most:
                            raise OSError(f"{most >> 20:,} MB are kept, there is no room for more")
                        if packet.time / 1e9 > due:
                            due = packet.time / 1e9 + 1
                            _tell_drops(raw, out)
    except (CaptureError, OSError) as error:
        _say(out, f"ended: {getattr(error, 'strerror', None) or error}")


def _except(raw: socket.socket, port: int) -> None:
    """Let the kernel leave out the TCP packets of a port over Ethernet: those of the page itself.

    On loopback each packet to a browser would be captured, told to the browsers, captured, …
    The program is one of the classic BPF (man 7 packet, linux/filter.h): it looks for IPv4 or
    IPv6 with TCP, and for the port as the source or as the target.
    """
    half, byte, half_x, header = 0x28, 0x30, 0x48, 0xB1  # loads; half_x: after the IPv4 header
    same, end, everything = 0x15, 0x06, 0xFFFFFFFF
    program = [  # code, steps to skip if it is the same, if it is not, value
        *((half, 0, 0, 12), (same, 0, 7, 0x0800), (byte, 0, 0, 23), (same, 0, 13, 6)),
        *((header, 0, 0, 14), (half_x, 0, 0, 14), (same, 9, 0, port), (half_x, 0, 0, 16)),
        *((same, 7, 8, port), (same, 0, 7, 0x86DD), (byte, 0, 0, 20), (same, 0, 5, 6)),
        *((half, 0, 0, 54), (same, 2, 0, port), (half, 0, 0, 56), (same, 0, 1, port)),
        *((end, 0, 0, 0), (end, 0, 0, everything)),
    ]
    code = b"".join(struct.pack("HBBI", *each) for each in program)
    kept = ctypes.create_string_buffer(code, len(code))
    raw.setsockopt(
        socket.SOL_SOCKET, FILTER, struct.pack("HP", len(program), ctypes.addressof(kept))
    )
    with suppress(OSError):  # what came before the program was there
        while raw.recv(1, socket.MSG_DONTWAIT):
            pass


def _await(interface: str, out: int) -> socket.socket:
    """Return a socket on the interface as soon as it is there."""
    waiting = False
    while True:
        try:
            raw = listen(interface)
            raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # that it is down yet is no error
            return raw
        except NoInterface:
            if not waiting:
                _say(out, "waiting")
            waiting = True
            time.sleep(PAUSE)


def _say(out: int, line: str) -> None:
    os.write(out, f"{line}\n".encode())


def _tell_drops(raw: socket.socket, out: int) -> None:
    """Say how many packets the kernel had to drop since the last look."""
    _, drops = struct.unpack("II", raw.getsockopt(PACKET, STATISTICS, 8))
    if drops:
        _say(out, f"dropped {drops}")
