"""The form asks for reading: half of it stands in no output, and Wireshark tells all of it."""

import html
import re
import sys
from pathlib import Path

import pytest

from capture.packet import Packet
from conftest import ROOT, Tool, run
from grade.answers import Answers
from grade.form import QUESTIONS, parse
from kelas import LAB, RIGHT, another, pcap
from story.reader import read
from story.story import Story
from wire_packets import ethernet

OUTPUTS = ["", "--all", "--check", "--json"]
ARP = ethernet(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0x0806)
DATE = re.compile(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}")
FILTERS = {  # what the sheet types above the list of packets
    "push": "tcp.port == 5555 && tcp.flags.push == 1",
    "subscriber_data": "tcp.dstport == 12345 && tcp.len > 0",
}


def long_lab() -> list[Packet]:
    """Return seven labs behind 1,000 packets of ARP, so that no two numbers are alike by chance."""
    taken = [Packet(0, LAB[0].time - 10**9, 1, ARP, len(ARP))] * 1000
    for number in range(7):
        lab = another(f"502521100{number}")
        taken += [packet._replace(time=packet.time - lab[0].time + LAB[0].time) for packet in lab]
    return [packet._replace(number=number) for number, packet in enumerate(taken, 1)]


def outputs(capture: Path, folder: Path) -> str:
    """Return all that zmq-wire says of a capture: story, --all, --check, --json, page."""
    said = []
    for options in [*OUTPUTS, "--html zmq.html"]:
        wire = [sys.executable, str(ROOT / "wire/wirezmq.py"), capture.name, *options.split()]
        done = run(*wire, cwd=folder)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    page = (folder / "zmq.html").read_text()
    page = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.S)
    return "\n".join([*said, html.unescape(re.sub("<[^>]*>", " ", page))])


def test_half_of_the_answers_stand_in_no_output(tmp_path: Path) -> None:
    capture = tmp_path / "lab.pcap"
    capture.write_bytes(pcap(long_lab()))
    answers, story = Answers(parse(b"request = 1027\nreply = 1028")), Story(keep=False)
    assert read(str(capture), story, answers.look) == ""
    right = {mark.key: mark.right for mark in answers.marks(story)}
    assert all(right.values())
    said = DATE.sub("", outputs(capture, tmp_path))
    shown = {key for key, answer in right.items() if re.search(rf"(?<![\w.:]){answer}\b", said)}
    assert {"request", "reply", "subscribe"} <= shown  # so what is shown is found
    assert len(shown) * 2 <= len(QUESTIONS), shown


def test_wireshark_tells_what_no_output_does(tshark: Tool, tmp_path: Path) -> None:
    (tmp_path / "lab.pcap").write_bytes(pcap(LAB))

    def show(selected: str, field: str) -> list[str]:
        options = ["-r", "lab.pcap", "-o", "zmtp.tcp.port:5555,9999,12345", "-Y", selected]
        return tshark([*options, "-T", "fields", "-e", field], tmp_path).split()

    request, reply = (f"frame.number == {RIGHT[key]}" for key in ("request", "reply"))
    assert show(request, "tcp.seq") == [RIGHT["request_seq"]]
    assert show(request, "tcp.payload")[0][6:8] == RIGHT["size_byte"]
    assert show(reply, "tcp.len") == [RIGHT["reply_len"]]
    (seconds,) = show("frame.number == 26", "tcp.time_relative")  # the first reply
    assert f"{float(seconds) * 1000:.2f}" == RIGHT["first_reply"]
    for key, typed in FILTERS.items():
        assert len(show(typed, "frame.number")) == int(RIGHT[key])
    assert show("tcp.analysis.acks_frame == 12", "frame.number")[0] == RIGHT["job_ack"]
    begun = show("tcp.dstport == 5555 && tcp.payload[0:2] == ff:00", "frame.number")
    assert begun[0] == RIGHT["greeting_start"]


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_sheet_shows_the_filters_first(name: str) -> None:
    text = (ROOT / name).read_text()
    story = text.index("run --rm zmq-wire zmq.pcap\n")
    for typed in FILTERS.values():
        assert 0 < text.find(f"`{typed}`") < story
