"""Makes a class of captures from tests/captures/lab.pcap, each with a flaw that lecturers meet.

python tests/kelas.py          makes tests/captures/kelas again, the class of the handout
"""

import io
import random
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "wire"))
from capture.files import packets
from capture.packet import Packet

CAPTURES = Path(__file__).parent / "captures"
SAMPLE = CAPTURES / "kelas"
NUMBER = b"5025211000"  # the one that the client sent in lab.pcap
LAB = list(packets(io.BytesIO((CAPTURES / "lab.pcap").read_bytes())))
LATE = 25  # frames of lab.pcap until all handshakes but that of SUB are over
RIGHT = {  # by the frames of lab.pcap, which tests/captures/lab.txt lists
    "greeting_req": "21",
    "greeting_rep": "22",
    "ready_req": "23",
    "ready_rep": "24",
    "request": "27",
    "reply": "28",
    "delimiter": "26",
    "subscribe": "45",
    "published": "47",
    "job": "12",
    "round_trip": "2.39",
    "jobs_lost": "4",
}


def form(**answers: str) -> str:
    """Return a form with all answers right, but for those given; an empty text leaves one empty."""
    return "".join(f"{key} = {value}\n" for key, value in (RIGHT | answers).items())


def pcap(packets: Iterable[Packet]) -> bytes:
    """Return a capture file of Ethernet packets."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for _, time, _, data, length in packets:
        seconds, nano = divmod(time, 1_000_000_000)
        parts += struct.pack("<IIII", seconds, nano // 1000, len(data), length), data
    return b"".join(parts)


def text(packets: Iterable[Packet], old: bytes, new: bytes) -> list[Packet]:
    """Return the packets with a text replaced by another of the same length."""
    assert len(old) == len(new)
    return [packet._replace(data=packet.data.replace(old, new)) for packet in packets]


def another(number: str, sent: str | None = None) -> list[Packet]:
    """Return the lab as another student would have captured it, at another time.

    Ports of the clients and all sequence numbers are others; `sent` is the number in the request.
    """
    chance = random.Random(number)
    ports: dict[int, int] = {}
    shifts: dict[bytes, int] = {}  # direction -> what is added to its sequence numbers
    moved = []
    later = chance.randrange(60, 86400) * 1_000_000_000
    for packet in LAB:
        data = bytearray(packet.data)
        way, back = bytes(data[34:38]), bytes(data[36:38] + data[34:36])
        for at, direction in (38, way), (42, back):  # what is sent, what is acknowledged
            shift = shifts.setdefault(direction, chance.getrandbits(32))
            (value,) = struct.unpack_from("!I", data, at)
            if value:
                struct.pack_into("!I", data, at, (value + shift) % 2**32)
        for at in 34, 36:
            (port,) = struct.unpack_from("!H", data, at)
            if port > 32767:
                port = ports.setdefault(port, chance.randrange(32768, 61000))
                struct.pack_into("!H", data, at, port)
        moved.append(packet._replace(data=bytes(data), time=packet.time + later))
    return text(moved, NUMBER, (number if sent is None else sent).encode())


def sample(folder: Path) -> None:
    """Write the class of the handout."""
    lab = {number: another(str(number)) for number in range(5025211001, 5025211007)}
    files: dict[str, bytes | str] = {
        "5025211001-ani.pcap": pcap(lab[5025211001]),
        "5025211001-ani.txt": form(),
        "5025211002-budi.pcap": pcap(lab[5025211002]),
        "5025211002-budi.txt": form(reply="18", request="21", subscribe="46", jobs_lost="5"),
        "5025211003-citra.pcap": pcap(lab[5025211003][LATE:]),
        "5025211004-dewi.pcap": pcap(text(lab[5025211001][:60], b"5025211001", b"5025211004")),
        "5025211004-dewi.txt": form(jobs_lost="", reply="13"),
        "5025211005-eko.pcap": pcap(another("5025211005", sent="5025211002")),
        "5025211005-eko.txt": form(round_trip="", reply="20"),
        "5025211006-fitri.pcap": "tcpdump: listening on br-zmq\n",
    }
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


if __name__ == "__main__":
    sample(SAMPLE)
