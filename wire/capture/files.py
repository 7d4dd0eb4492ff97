"""A capture as plain bytes: unpacked if it is compressed with gzip.

As in Wireshark, the first bytes tell what a file is, whatever its name.
"""

import gzip
import io
import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from capture.packet import CaptureError, Packet
from capture.pcap import read_pcap
from capture.pcapng import read_pcapng

HERE = "/here"  # where zmq.yml shows zmq-wire the folder that the user stands in
# pcapng, and pcap in either byte order, with microseconds or nanoseconds
MAGIC = {b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}
MAGIC |= {b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"}
LOOK = 512  # bytes that tell a text from other files
# What students hand to a reader of captures, and how it begins. Python before 3.14 reads no zstd.
OTHERS = {
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it first, with 'zstd -d'",
    b"\x04\x22\x4d\x18": "compressed with lz4: unpack it first, with 'lz4 -d'",
    b"\xfd7zXZ": "compressed with xz: unpack it first, with 'xz -d'",
    b"BZh": "compressed with bzip2: unpack it first, with 'bzip2 -d'",
    b"PK\x03\x04": "a zip archive or a document, not a capture",
    b"%PDF": "a PDF document, not a capture",
    b"\x89PNG": "a picture, not a capture",
    b"\xff\xd8\xff": "a picture, not a capture",
    b"GIF8": "a picture, not a capture",
}


class _Unpacked(gzip.GzipFile):
    """The bytes in a gzip file (RFC 1952); what is wrong with it is a CaptureError."""

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except EOFError:
            raise CaptureError("cut short: its gzip data have no end") from None
        except (gzip.BadGzipFile, zlib.error):
            raise CaptureError("its gzip data are damaged") from None


def plain(file: BinaryIO) -> BinaryIO:
    """Return the capture in a file or pipe, which is unpacked as it is read.

    Only what is asked for is held in memory, however much the file unpacks to. Raises CaptureError
    for a file that begins like one of another kind; reading raises it where gzip data are damaged.
    """
    assert isinstance(file, io.BufferedReader)
    start = file.peek(LOOK)[:LOOK]
    if start.startswith(b"\x1f\x8b"):
        return _Unpacked(fileobj=file)  # type: ignore[return-value]
    for magic, kind in OTHERS.items():
        if start.startswith(magic):
            raise CaptureError(kind)
    if start and _is_text(start):
        raise CaptureError("a text, not a capture")
    return file


def _is_text(start: bytes) -> bool:
    """Tell whether bytes are the beginning of a text in UTF-8."""
    text = start.decode(errors="ignore")
    whole = len(text.encode()) > len(start) - 4  # but for a character that is cut at the end
    return whole and all(character.isprintable() or character in "\t\r\n\f" for character in text)


def packets(file: BinaryIO) -> Iterator[Packet]:
    """Yield the packets of a pcap or pcapng file, or of a pipe while it is written.

    Raises CaptureError, after the packets that could be read.
    """
    magic = file.read(4)
    if not magic:
        raise CaptureError("empty: nothing was captured, or tcpdump has not ended yet")
    if magic == b"\x0a\x0d\x0d\x0a":
        return read_pcapng(file)
    for order in "<>":
        for value, unit in (0xA1B2C3D4, 1000), (0xA1B23C4D, 1):
            if magic == struct.pack(order + "I", value):
                return read_pcap(file, order, unit)
    raise CaptureError("not a capture (neither pcap nor pcapng)")


def create(path: str) -> BinaryIO:
    """Create a file for this user, or if that is root, for the owner of the folder.

    A container runs as root: the file in the user's folder should be theirs to delete.
    """
    file = open(path, "wb")
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(os.path.abspath(path)))
        os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
    return file


def reason(error: OSError, path: str) -> str:
    """Say why a file cannot be read or written, in the words of its user."""
    if os.getcwd() == HERE and not os.path.realpath(path).startswith(HERE + "/"):
        return "zmq-wire sees only the folder where you stand: go to that of the file, or copy it"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    return error.strerror or str(error)


def is_capture(path: str) -> bool:
    """Tell whether a file begins as a capture does, whatever its name. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(4) in MAGIC
