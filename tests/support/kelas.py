"""Makes a class of captures from tests/captures/lab.pcap, each with a flaw that lecturers meet.

python tests/support/kelas.py          makes tests/captures/kelas again, the class of the handout
"""

import io
import random
import struct
import sys
import time
from calendar import timegm
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "wire"))
from capture.files import packets
from capture.packet import Packet

CAPTURES = Path(__file__).parents[1] / "captures"
SAMPLE = CAPTURES / "kelas"
NUMBER = b"5025211000"  # the one that the client sent in lab.pcap
LAB = list(packets(io.BytesIO((CAPTURES / "lab.pcap").read_bytes())))
LATE = 25  # packets of lab.pcap until all handshakes but that of SUB are over
RIGHT = {  # by the packets of lab.pcap, which tests/captures/lab.txt lists
    "greeting_start": "17",
    "request": "27",
    "reply": "28",
    "size_byte": "0a",
    "request_seq": "114",
    "reply_len": "24",
    "first_reply": "0.67",
    "push": "12",
    "subscribe": "45",
    "subscriber_data": "4",
    "job_ack": "13",
    "jobs_lost": "4",
}


def form(**answers: str) -> str:
    """Return a form with all answers right, but for those given; an empty text leaves one empty."""
    return "".join(f"{key} = {value}\n" for key, value in (RIGHT | answers).items())


def pcap(packets: Iterable[Packet]) -> bytes:
    """Return a capture file of Ethernet packets."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for _, when, _, data, length in packets:
        seconds, nano = divmod(when, 1_000_000_000)
        parts += struct.pack("<IIII", seconds, nano // 1000, len(data), length), data
    return b"".join(parts)


def text(packets: Iterable[Packet], old: bytes, new: bytes) -> list[Packet]:
    """Return the packets with a text replaced by another of the same length."""
    assert len(old) == len(new)
    return [packet._replace(data=packet.data.replace(old, new)) for packet in packets]


def another(number: str, sent: str | None = None) -> list[Packet]:
    """Return the lab as another student would have captured it, at another time.

    Ports of the clients, all sequence numbers, TCP's timestamps, the times between packets and
    those published are others; `sent` is the number in the request.
    """
    chance = random.Random(number)
    ports: dict[int, int] = {}
    shifts: dict[bytes, int] = {}  # direction -> what is added to its sequence numbers
    moved: list[Packet] = []
    later = chance.randrange(60, 86400 * 365)
    for packet in LAB:
        data = bytearray(packet.data)
        way, back = bytes(data[34:38]), bytes(data[36:38] + data[34:36])
        stamps = data.find(b"\x08\x0a", 54, 34 + (data[46] >> 4) * 4) + 2
        for at, direction in (38, way), (42, back), (stamps, way), (stamps + 4, back):
            shift = shifts.setdefault(direction, chance.getrandbits(32))
            (value,) = struct.unpack_from("!I", data, at)
            if value:
                struct.pack_into("!I", data, at, (value + shift) % 2**32)
        if (at := data.find(b"WAKTU ")) > 0 and len(data) >= at + 30:
            told = time.strptime(data[at + 6 : at + 30].decode())
            data[at + 6 : at + 30] = time.asctime(time.gmtime(timegm(told) + later)).encode()
        for at in 34, 36:
            (port,) = struct.unpack_from("!H", data, at)
            if port > 32767:
                port = ports.setdefault(port, chance.randrange(32768, 61000))
                struct.pack_into("!H", data, at, port)
        when = packet.time + later * 1_000_000_000 + chance.randrange(25_000)
        when = max(when, moved[-1].time + 1000 if moved else 0)
        moved.append(packet._replace(data=bytes(data), time=when))
    return text(moved, NUMBER, (number if sent is None else sent).encode())


def sample(folder: Path) -> None:
    """Write the class of the handout."""
    lab = {number: another(str(number)) for number in range(5025211001, 5025211007)}
    files: dict[str, bytes | str] = {
        "5025211001-ani.pcap": pcap(lab[5025211001]),
        "5025211001-ani.txt": form(),
        "5025211002-budi.pcap": pcap(lab[5025211002]),
        "5025211002-budi.txt": form(
            reply="18", request="21", subscribe="46", push="3", jobs_lost="5"
        ),
        "5025211003-citra.pcap": pcap(lab[5025211003][LATE:]),
        "5025211004-dewi.pcap": pcap(text(lab[5025211001][:60], b"5025211001", b"5025211004")),
        "5025211004-dewi.txt": form(jobs_lost="", reply="13", request_seq="105"),
        "5025211005-eko.pcap": pcap(another("5025211005", sent="5025211002")),
        "5025211005-eko.txt": form(first_reply="", reply="20"),
        "5025211006-fitri.pcap": "tcpdump: listening on br-zmq\n",
    }
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


if __name__ == "__main__":
    sample(SAMPLE)
