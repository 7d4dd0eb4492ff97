"""The Wireshark profile, read by tshark 4.4 on a capture of the lab (captures/profile.pcap)."""

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from command import wirezmq
from wire_packets import Talk, frame

HERE = Path(__file__).parents[2]


PROFILE = HERE.parent / "wire" / "wireshark" / "praktikum-zmq"


PORTS = {"REQ-REP": "5555", "PUB-SUB": "12345", "PUSH-PULL": "9999"}


Lines = Callable[..., list[list[str]]]


@pytest.fixture
def lines(tshark: Callable[[list[str], Path], str], tmp_path: Path) -> Lines:
    """Return a function that runs tshark on the capture and returns its lines, cut at tabs."""
    shutil.copy(HERE / "captures" / "profile.pcap", tmp_path)
    shutil.copytree(PROFILE, tmp_path / "wireshark" / "profiles" / PROFILE.name)

    def run(*args: str, profile: str = PROFILE.name) -> list[list[str]]:
        out = tshark(["-C", profile, "-r", "profile.pcap", *args], tmp_path)
        return [[cell.strip() for cell in line.split("\t")] for line in out.splitlines()]

    return run


def select(lines: Lines, wanted: str, *fields: str, profile: str = PROFILE.name) -> list[list[str]]:
    """Return these fields of the frames that a display filter selects, coloured or not."""
    columns = [arg for field in fields for arg in ("-e", field)]
    return lines("--color", "-Y", wanted, "-T", "fields", *columns, profile=profile)


def buttons() -> dict[str, str]:
    rows = csv.reader((PROFILE / "dfilter_buttons").read_text().splitlines())
    return {label: wanted for _, label, wanted, _ in rows}


def rules() -> dict[str, str]:
    cut = [line.split("@") for line in (PROFILE / "colorfilters").read_text().splitlines()]
    return {name: wanted for _, name, wanted, *_ in cut}


@pytest.mark.parametrize("port", PORTS.values())
def test_a_port_is_zmtp_with_the_profile_and_not_without(lines: Lines, port: str) -> None:
    payload = f"tcp.port == {port} && tcp.len > 0"
    told = Counter(p for (p,) in select(lines, payload, "_ws.col.protocol"))
    assert told["zmtp"] >= 9, "two greetings, two READYs and at least five messages"
    # What is left begins a greeting, which ZeroMQ sends in parts: the frame of the last is named.
    assert told["TCP"] <= 4 and set(told) <= {"zmtp", "TCP"}
    assert select(lines, "zmtp", "frame.number", profile="Default") == []


def test_the_dissectors_that_own_the_ports_are_off(
    tshark: Callable[[list[str], Path], str], lines: Lines, tmp_path: Path
) -> None:
    """Sigcomp takes what comes on 5555 and shows nothing of it, not even as data."""
    alone = tmp_path / "wireshark" / "profiles" / "alone"
    alone.mkdir()
    shutil.copy(PROFILE / "disabled_protos", alone)
    request = 'data.data contains "Hello"'
    assert select(lines, request, "frame.number", profile="Default") == []
    assert select(lines, request, "frame.number", profile="alone") == [["55"]]
    owners = tshark(["-G", "decodes"], tmp_path).splitlines()
    assert {"tcp.port\t5555\tsigcomp", "tcp.port\t9999\ttplink-smarthome"} <= set(owners)
    off = (PROFILE / "disabled_protos").read_text().splitlines()
    assert {"sigcomp", "tplink-smarthome"} <= set(off)


def test_the_columns_tell_the_conversation(lines: Lines) -> None:
    rows = lines("-T", "tabs", "-Y", "zmtp.flags.command == 0 && tcp.port == 5555")
    assert [(row[3], row[5], row[6], row[7]) for row in rows] == [
        ("39864", "5555", "zmtp", "Hello"),
        ("5555", "39864", "zmtp", "World"),
        ("39864", "5555", "zmtp", "Halo dari Bandung"),
        ("5555", "39864", "zmtp", "Received: Halo dari Bandung"),
        ("39864", "5555", "zmtp", "13522001"),
        ("5555", "39864", "zmtp", "Received: 13522001"),
    ]


def test_the_message_column_shows_topics_and_jobs(lines: Lines) -> None:
    rows = lines("-T", "tabs", "-Y", "zmtp.flags.command == 0")
    by_port: dict[str, list[str]] = {}
    for row in rows:
        by_port.setdefault(row[3], []).append(row[7])
    assert by_port["12345"][:2] == ["WAKTU Mon Nov 23 07:10:50 2026", "TANGGAL 2026-11-23"]
    assert by_port["9999"][:3] == ["80044b022e", "80044b042e", "80044b012e"]  # 2, 4, 1 seconds


@pytest.mark.parametrize(("pattern", "port"), PORTS.items())
def test_a_button_selects_its_pattern(lines: Lines, pattern: str, port: str) -> None:
    frames = select(lines, buttons()[pattern], "tcp.srcport", "tcp.dstport", "tcp.flags.syn")
    assert all(port in frame[:2] for frame in frames)
    assert [syn for *_, syn in frames[:3]] == ["True", "True", "False"], "from the TCP handshake on"


def test_a_button_selects_messages_only(lines: Lines) -> None:
    assert list(buttons()) == [*PORTS, "Messages only"]
    every = select(lines, "zmtp", "frame.number", "zmtp.data.text", "data.data")
    some = select(lines, buttons()["Messages only"], "frame.number", "zmtp.data.text", "data.data")
    assert some == [frame for frame in every if frame[1] or frame[2]]
    assert 0 < len(some) < len(every), "greetings, READYs and SUBSCRIBE are left out"


@pytest.mark.parametrize(("pattern", "port"), PORTS.items())
def test_a_colour_is_its_pattern_s(lines: Lines, pattern: str, port: str) -> None:
    coloured = select(lines, f'frame.coloring_rule.name == "{pattern}"', "frame.number")
    assert coloured == select(lines, f"zmtp && tcp.port == {port}", "frame.number")
    assert coloured == select(lines, rules()[pattern], "frame.number")


@pytest.mark.parametrize(("pattern", "port"), [("REQ-REP", 5556), ("PUSH-PULL", 9998)])
def test_the_second_port_of_a_task_is_of_its_pattern(
    lines: Lines, tmp_path: Path, pattern: str, port: int
) -> None:
    client, server = (name.encode() for name in pattern.split("-"))
    talk = Talk(server=(bytes((10, 0, 0, 3)), port)).shake(client, server)
    (tmp_path / "profile.pcap").write_bytes(talk.say(0, frame(b'{"from": 1}')).capture)
    says = 'zmtp.data.text contains "from"'
    assert select(lines, says, "frame.coloring_rule.name") == [[pattern]]
    assert select(lines, f"({buttons()[pattern]}) && {says}", "frame.number") == [["8"]]


def test_every_frame_has_a_colour(lines: Lines) -> None:
    names = {name for (name,) in select(lines, "frame", "frame.coloring_rule.name")}
    assert names == set(rules())


def test_the_story_column_shows_the_comments_of_an_annotated_capture(
    lines: Lines, tmp_path: Path
) -> None:
    done = wirezmq("profile.pcap", "--pcapng", "told.pcapng", cwd=tmp_path)
    assert done.stderr == "told.pcapng: written, for Wireshark\n"
    (tmp_path / "told.pcapng").replace(tmp_path / "profile.pcap")
    rows = lines("-T", "tabs", "-Y", "zmtp.flags.command == 0 && tcp.port == 5555")
    assert [row[8].split("; ")[-1].partition(", ")[0] for row in rows[:4]] == [
        'REQ → REP request "Hello" after the empty delimiter',
        'REP → REQ reply "World" after the empty delimiter',
        'REQ → REP request "Halo dari Bandung" after the empty delimiter',
        'REP → REQ reply "Received: Halo dari Bandung" after the empty delimiter',
    ]
    jobs = lines("-T", "tabs", "-Y", "zmtp.flags.command == 0 && tcp.port == 9999")
    assert (jobs[0][7], jobs[0][8]) == ("80044b022e", "PUSH → PULL job 2 (a pickled int)")
    # An old Wireshark knows no ZMTP: the comments are there all the same.
    old = lines(
        "--disable-protocol", "zmtp", "-T", "tabs", "-Y", "tcp.srcport == 9999 && tcp.len == 7"
    )
    assert (old[0][6], old[0][8]) == ("TCP", "PUSH → PULL job 2 (a pickled int)")
