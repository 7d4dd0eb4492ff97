"""The annotated capture, as tshark 4.4 reads it: the same packets, with comments and names."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wire_packets
from command import wirezmq
from conftest import Tool
from output.hosts import hosts
from output.pcapng import Annotated, notes
from story.model import Connection, Event, MessageFrame
from story.reader import read
from story.story import Story
from wire_packets import (
    Talk,
    block,
    enhanced,
    frame,
    greeting,
    interface,
    option,
    ready,
    section,
    statistics,
)

Tshark = Callable[[list[str], Path], str]
START = 1_795_392_860  # seconds since 1970 of the first packet
EXPECTED = {
    4: "REQ → REP greeting begins, it ends in packet 5",
    5: "REQ → REP greeting: ZMTP 3.1, mechanism NULL",
    6: "REP → REQ greeting: ZMTP 3.1, mechanism NULL; REP → REQ READY: socket type REP",
    7: 'REQ → REP READY: socket type REQ; REQ → REP request "Hello" after the empty delimiter',
    8: r'REP → REQ reply "<b>World</b>; \x1b[31m" after the empty delimiter',
}
HOSTS = ["req", "rep", "req", "req", "req", "rep", "req", "rep", "req", "rep", "req"]


def packets(version: int = 4, link: int = 1) -> list[bytes]:
    """Return a small exchange as packets of a link type, over IPv4 or IPv6."""
    talk = Talk().open().say(0, greeting()[:10], greeting()[10:])
    talk.say(1, greeting() + ready(b"REP"))
    talk.say(0, ready(b"REQ") + frame(b"", 1) + frame(b"Hello"))
    talk.say(1, frame(b"", 1) + frame(b"<b>World</b>; \x1b[31m")).close()
    kind = b"\x08\x00" if version == 4 else b"\x86\xdd"
    before = {
        0: struct.pack("<I", 2 if version == 4 else 10),
        1: bytes(12) + kind,
        101: b"",
        113: struct.pack("!HHH8x", 0, 1, 6) + kind,
        276: kind + struct.pack("!HIHBB8x", 0, 1, 1, 0, 6),
    }[link]
    made = []
    for data in talk.packets:
        packet = data[14:]
        if version == 6:
            net = b"\xfd".ljust(12, b"\0")
            head = struct.pack("!IHBB", 6 << 28, len(packet) - 20, 6, 64)
            packet = head + net + packet[12:16] + net + packet[16:]
        made.append(before + packet)
    return made


def pcap(
    made: list[bytes], order: str = "<", nano: bool = False, link: int = 1, snap: int = 262144
) -> bytes:
    """Return a pcap file; each packet comes 123 ns or µs after the one before."""
    return wire_packets.pcap(made, link, order, nano, snap, start=START, step=123)


def pcapng(made: list[bytes], order: str = "<", simple: bool = False) -> bytes:
    """Return a pcapng file: two interfaces of 0.1 ns, comments on all packets, statistics."""
    resolution = option(9, b"\x0a", order) + bytes(4)
    file = section(order, 10_000) + interface(1, resolution, order, snap=1000) * 2
    known = option(1, b"known", order) + bytes(4)
    for at, data in enumerate(made):
        if simple:
            file += block(3, struct.pack(order + "I", len(data)) + data, order)
        else:
            file += enhanced(data, at % 2, START * 10**10 + at * 123, known, order)
    return file + statistics(order=order)


def annotated(folder: Path, source: bytes) -> bytes:
    """Write the capture and its annotated copy into the folder, as a.cap and b.pcapng."""
    (folder / "a.cap").write_bytes(source)
    story, made = Story(keep=False), Annotated(str(folder))
    read(str(folder / "a.cap"), story, made.look, copy=made.copy)
    with (folder / "b.pcapng").open("wb") as out:
        made.write(out, story)
    return (folder / "b.pcapng").read_bytes()


def fields(tshark: Tshark, folder: Path, file: str, *names: str) -> list[list[str]]:
    """Return fields of every packet, as tshark reads them."""
    options = ["-r", file, "-N", "n", "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"]
    output = tshark([*options, *(part for name in names for part in ("-e", name))], folder)
    return [line.replace("\\\\", "\\").split("\t") for line in output.splitlines()]


SAME = tuple(
    f"frame.{name}"
    for name in ("number", "time_epoch", "len", "cap_len", "md5_hash", "interface_id")
)
SOURCES = {
    "microseconds": pcap(packets()),
    "nanoseconds": pcap(packets(), nano=True),
    "big-endian": pcap(packets(), order=">", nano=True),
    "IPv6": pcap(packets(6)),
    "raw IP": pcap(packets(link=101), link=101),
    "null": pcap(packets(link=0), link=0),
    "SLL": pcap(packets(link=113), link=113),
    "SLL2, IPv6": pcap(packets(6, link=276), link=276),
    "pcapng": pcapng(packets()),
    "pcapng, big-endian": pcapng(packets(), order=">"),
    "pcapng, two sections": pcapng(packets()[:4]) + pcapng(packets()[4:], order=">"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_packets_with_comments_and_names(
    name: str, tmp_path: Path, tshark: Tshark
) -> None:
    annotated(tmp_path, SOURCES[name])
    before = fields(tshark, tmp_path, "a.cap", *SAME)
    for row in before:
        row[5] = row[5] or "0"  # pcap has no interfaces
    more = ("ip.src_host", "ipv6.src_host", "frame.comment")
    after = fields(tshark, tmp_path, "b.pcapng", *SAME, *more)
    assert [row[:6] for row in after] == before
    assert [row[6] or row[7] for row in after] == [f"zmq-{role}" for role in HOSTS]
    for row in after:
        said = row[8]
        if name.startswith("pcapng"):  # the comment that was there stays
            assert said.endswith("known")
            said = said.removesuffix("known").removesuffix(",")
        assert said.partition(", 0.")[0] == EXPECTED.get(int(row[0]), "")


def test_snap_length_and_original_length_are_kept(tmp_path: Path, tshark: Tshark) -> None:
    annotated(tmp_path, pcap(packets(), snap=96))
    rows = fields(tshark, tmp_path, "b.pcapng", *SAME[:5])
    assert rows == fields(tshark, tmp_path, "a.cap", *SAME[:5])
    assert {row[3] for row in rows if int(row[2]) > 96} == {"96"}
    assert struct.pack("<IIHHI", 1, 20, 1, 0, 96) in (tmp_path / "b.pcapng").read_bytes()


def test_simple_packets_get_comments_too(tmp_path: Path, tshark: Tshark) -> None:
    annotated(tmp_path, pcapng(packets(), simple=True))
    rows = fields(tshark, tmp_path, "b.pcapng", "frame.number", "frame.md5_hash", "frame.comment")
    assert [row[:2] for row in rows] == fields(tshark, tmp_path, "a.cap", SAME[0], SAME[4])
    assert {int(row[0]) for row in rows if row[2]} == set(EXPECTED)


def test_a_capture_without_packets_and_one_without_zmtp(tmp_path: Path, tshark: Tshark) -> None:
    annotated(tmp_path, pcap([]))
    assert fields(tshark, tmp_path, "b.pcapng", "frame.number") == []
    annotated(tmp_path, pcap(packets()[:3]))
    rows = fields(tshark, tmp_path, "b.pcapng", "frame.number", "ip.src_host", "frame.comment")
    assert [row[2] for row in rows] == ["", "", ""]
    assert rows[0][1] == "10.0.0.2"


def test_capinfos_reads_it(tmp_path: Path, wireshark: Tool) -> None:
    annotated(tmp_path, pcap(packets(), nano=True))
    told = wireshark(["capinfos", "-cKt", "b.pcapng"], tmp_path)
    assert "pcapng" in told
    assert f"Number of packets:   {len(HOSTS)}" in told


def test_annotated_twice_is_annotated_once(tmp_path: Path) -> None:
    once = annotated(tmp_path, pcap(packets()))
    twice = annotated(tmp_path, once)
    assert twice.count(b"READY: socket type REP") == 1


@pytest.mark.parametrize("source", [pcap(packets()), pcapng(packets())])
def test_a_capture_cut_anywhere_is_copied_up_to_there(source: bytes, tmp_path: Path) -> None:
    whole = [record[:2] + record[3:] for record in wire_packets.read(source)]
    for size in range(24, len(source), 7):
        copy = annotated(tmp_path, source[:size])
        copied = [record[:2] + record[3:] for record in wire_packets.read(copy)] if copy else []
        assert copied == whole[: len(copied)]
        assert len(copied) >= size // 300 - 1


def test_several_of_a_type_have_their_address_and_types_of_one_address_are_joined() -> None:
    def between(client: str, server: str, kinds: tuple[str, str]) -> Connection:
        return Connection(1, client, server, client_type=kinds[0], server_type=kinds[1])

    assert hosts(
        [
            between("10.0.0.3:1", "10.0.0.2:12345", ("SUB", "PUB")),
            between("10.0.0.4:1", "10.0.0.2:12345", ("SUB", "PUB")),
            between("10.0.0.3:2", "10.0.0.2:12345", ("SUB", "PUB")),
            between("10.0.0.5:1", "10.0.0.2:5555", ("REQ", "REP")),
            between("[fd00::1]:1", "10.0.0.9:7", ("", "")),
        ]
    ) == {
        "10.0.0.3": "zmq-sub-10.0.0.3",
        "10.0.0.2": "zmq-pub+zmq-rep",
        "10.0.0.4": "zmq-sub-10.0.0.4",
        "10.0.0.5": "zmq-req",
    }


def test_many_messages_in_a_packet_and_long_ones_stay_within_an_option(tmp_path: Path) -> None:
    talk = Talk().shake(b"PUSH", b"PULL").say(0, frame("€".encode() * 150) * 130)
    copy = annotated(tmp_path, talk.capture)
    said = next(b for b in blocks(copy) if b.startswith(b"\6\0\0\0") and b"; and 111 more" in b)
    assert len(said) < 2 * 65536
    assert f'job "{"€" * 99}…", 450 bytes'.encode() in said


def blocks(file: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(file):
        size = int.from_bytes(file[at + 4 : at + 8], "little")
        yield file[at : at + size]
        at += size


def test_the_packets_before_the_last_say_what_they_begin() -> None:
    parts = [MessageFrame(3, "delimiter", "", 0), MessageFrame(9, "body", "Hello", 5)]
    event = Event(9, 0, "10.0.0.1:1", "request", "Hello", 5, first_packet=3, parts=parts)
    connection = Connection(1, "10.0.0.1:1", "10.0.0.2:2", client_type="REQ", server_type="REP")
    assert list(notes(connection, event)) == [
        (9, 'REQ → REP request "Hello" after the empty delimiter in packet 3'),
        (3, "REQ → REP delimiter of a request that ends in packet 9"),
    ]


def test_what_comes_together_is_told_one_by_one(tmp_path: Path) -> None:
    """The story that looks on at the same time puts such messages together."""
    talk = Talk().shake(b"PULL", b"PUSH").say(1, frame(b"abc") + frame(b"de") + frame(b"f"))
    (tmp_path / "a.pcap").write_bytes(talk.capture)
    story, made = Story(), Annotated(str(tmp_path))
    read(str(tmp_path / "a.pcap"), story, made.look, copy=made.copy)
    assert story.connections[0].events[-1].count == 3
    with (tmp_path / "b.pcapng").open("wb") as out:
        made.write(out, story)
    copy = (tmp_path / "b.pcapng").read_bytes()
    assert copy == annotated(tmp_path, talk.capture)
    jobs = [f'PUSH → PULL job "{text}"' for text in ("abc", "de", "f")]
    assert "; ".join(jobs).encode() in copy


def test_a_capture_in_a_pipe(tmp_path: Path) -> None:
    capture = pcap(packets())
    for name in "-", "a.cap":
        (tmp_path / "a.cap").write_bytes(capture)
        with (tmp_path / "a.cap").open("rb") as pipe:
            done = wirezmq(name, "--pcapng", f"{name}.pcapng".strip("-"), cwd=tmp_path, stdin=pipe)
        written = f"{name}.pcapng".strip("-")
        assert (done.returncode, done.stderr) == (0, f"{written}: written, for Wireshark\n")
    assert (tmp_path / ".pcapng").read_bytes() == (tmp_path / "a.cap.pcapng").read_bytes()
    assert sorted(os.listdir(tmp_path)) == [".pcapng", "a.cap", "a.cap.pcapng"]


def test_a_greeting_on_any_port_is_told_by_the_socket_types_that_follow(tmp_path: Path) -> None:
    talk = Talk(server=(bytes((10, 0, 0, 3)), 7777)).shake(b"DEALER", b"ROUTER")
    copy = annotated(tmp_path, talk.capture)
    assert "DEALER → ROUTER greeting: ZMTP 3.1".encode() in copy
    assert b"zmq-dealer\0" in copy and b"zmq-router\0" in copy


def test_what_was_begun_is_said_on_its_packet(tmp_path: Path) -> None:
    talk = Talk().open().say(0, greeting()[:4], greeting()[4:10]).say(1, greeting()).close()
    said = {}
    for number, one in enumerate(
        (one for one in blocks(annotated(tmp_path, talk.capture)) if one[0] == 6), 1
    ):
        size = int.from_bytes(one[20:24], "little")
        said[number] = one[28 + size + -size % 4 : -4].strip(b"\0")
    begun = "REQ → REP greeting begun: it stops after 10 bytes".encode()
    assert [number for number, comment in said.items() if begun in comment] == [5]
    begins = "REQ → REP greeting begins, it stops in packet 5".encode()
    assert [number for number, comment in said.items() if begins in comment] == [4]
