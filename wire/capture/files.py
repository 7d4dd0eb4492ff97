"""A capture as plain bytes: unpacked if it is compressed with gzip.

As in Wireshark, the first bytes tell what a file is, whatever its name.
"""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from capture.packet import CaptureError, NotWritten, Packet
from capture.pcap import MAGICS, PcapReader
from capture.pcapng import MAGIC, PcapngReader
from safe import Said

if TYPE_CHECKING:
    from capture.annotated import AnnotatedCopy

HERE = "/here"  # where zmq.yml shows zmq-wire the folder that the user stands in
EMPTY = Said("empty: nothing was captured, or tcpdump has not ended yet")  # not even a header
NO_PACKET = Said("empty: no packet is in it; nothing passed, or tcpdump has not ended yet")
READS = 100_000  # of a gzip file, before it is weighed what they find
LOOK = 512  # bytes that tell a text from other files
# What students hand to a reader of captures, and how it begins. Python before 3.14 reads no zstd.
OTHERS = {
    b"\x28\xb5\x2f\xfd": Said("compressed with zstd: unpack it first, with 'zstd -d'"),
    b"\x04\x22\x4d\x18": Said("compressed with lz4: unpack it first, with 'lz4 -d'"),
    b"\xfd7zXZ": Said("compressed with xz: unpack it first, with 'xz -d'"),
    b"BZh": Said("compressed with bzip2: unpack it first, with 'bzip2 -d'"),
    b"PK\x03\x04": Said("a zip archive or a document, not a capture"),
    b"%PDF": Said("a PDF document, not a capture"),
    b"\x89PNG": Said("a picture, not a capture"),
    b"\xff\xd8\xff": Said("a picture, not a capture"),
    b"GIF8": Said("a picture, not a capture"),
}

Watch = Callable[[Iterator[Packet], BinaryIO], Iterator[Packet]]


class _Counted:
    """A file of which is known how much was read, even if it is a pipe."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.size = file, 0

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.size += len(data)
        return data


class _Unpacked(gzip.GzipFile):
    """The bytes in a gzip file (RFC 1952); what is wrong with it is a CaptureError.

    A packet of a capture takes some bytes of it, since at least its time is another one. What
    asks for more packets than bytes was made to keep its reader busy.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.packed, self.reads = _Counted(file), 0
        super().__init__(fileobj=self.packed, mode="rb")  # type: ignore[call-overload]

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1  # two for a packet
        if self.reads > READS and self.reads > 2 * self.packed.size:
            raise CaptureError("no capture: its gzip data hold more packets than bytes")
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
        return _Unpacked(file)  # type: ignore[return-value]
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


def packets(file: BinaryIO, copy: "AnnotatedCopy | None" = None) -> PcapReader | PcapngReader:
    """Return what yields the packets of a pcap or pcapng file, or of a pipe while it is written.

    `copy` is given all that is read. Raises CaptureError, after the packets that could be read.
    """
    magic = file.read(4)
    if magic == MAGIC:
        return PcapngReader(file, copy)
    if magic in MAGICS:
        return PcapReader(file, magic, copy)
    if magic:
        raise CaptureError("not a capture (neither pcap nor pcapng)")
    raise CaptureError(EMPTY)


class CaptureFile:
    """The packets of a capture, once: of the file of a path, of the input ("-"), or of a stream.

    What comes before a fault is read; then `wrong` says in words what is wrong with it, and
    `dropped` how many packets whoever captured says to have lost. `watch` passes the packets on,
    and says how far it is. `copy` is given all that is in it.
    """

    def __init__(
        self,
        source: str | BinaryIO,
        watch: Watch | None = None,
        copy: "AnnotatedCopy | None" = None,
    ) -> None:
        self.source, self.watch, self.copy = source, watch, copy
        self.wrong, self.dropped = "", 0

    def __iter__(self) -> Iterator[Packet]:
        found = None
        try:
            with self._open() as file:
                found = packets(plain(file), self.copy)
                passed = self.watch(iter(found), file) if self.watch else iter(found)
                first = next(passed, None)
                if first:
                    yield first
                    yield from passed
            self.wrong = "" if first else NO_PACKET
        except CaptureError as error:
            self.wrong = error.said
        except NotWritten:
            raise
        except OSError as error:
            self.wrong = reason(error, self.source if isinstance(self.source, str) else ".")
        finally:
            self.dropped = found.dropped if found else 0

    def _open(self) -> BinaryIO:
        if not isinstance(self.source, str):
            return self.source
        return sys.stdin.buffer if self.source == "-" else open(self.source, "rb", 1 << 20)


def magic_number(path: str) -> bytes:
    """Return how a file begins, which is another one for each format. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(4)


def is_capture(path: str) -> bool:
    """Tell whether a file begins as a capture does, whatever its name. Raises OSError."""
    magic = magic_number(path)
    return magic == MAGIC or magic in MAGICS


def create(path: str) -> BinaryIO:
    """Create a file for this user, or if that is root, for the owner of the folder.

    A container runs as root: the file in the user's folder should be theirs to delete.
    """
    file = open(path, "wb")
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(os.path.abspath(path)))
        os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
    return file


def temporary(*folders: str) -> BinaryIO:
    """Return a file without a name, in the first of these folders that can have one.

    Then come those for temporary files, of a disk rather than of memory, at last the folder where
    the user stands. Raises OSError.
    """
    import tempfile  # takes a while

    for folder in (*folders, *filter(None, (os.environ.get("TMPDIR"), "/var/tmp"))):
        with suppress(OSError):
            return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


def reason(error: OSError, path: str) -> str:
    """Say why a file cannot be read or written, in the words of its user."""
    if os.getcwd() == HERE and not os.path.realpath(path).startswith(HERE + "/"):
        return Said(
            "zmq-wire sees only the folder where you stand: go to that of the file, or copy it"
        )
    if isinstance(error, IsADirectoryError):
        return Said("a folder, not a file")
    return error.strerror or str(error)
