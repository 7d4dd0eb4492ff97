"""The story of a capture as a person reads it: words, frame numbers, counts."""

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import dpkt  # type: ignore[import-untyped]
import pytest

from conftest import BRIDGE, LIMIT
from grade.requirements import rows
from output.json import capture_json
from output.text import story_lines
from output.words import label
from story.model import Connection
from wire_packets import (
    ACK,
    CAPTURES,
    FIN,
    RST,
    SYN,
    Talk,
    command,
    ethernet,
    frame,
    greeting,
    missing,
    pcap,
    ready,
    tcp,
    told,
)

WIRE = Path(__file__).parent.parent / "wire" / "wirezmq.py"
PUB = ((bytes((10, 0, 0, 4)), 40001), (bytes((10, 0, 0, 5)), 12345))
PUSH = ((bytes((10, 0, 0, 6)), 40002), (bytes((10, 0, 0, 7)), 9999))
HELLO = frame(b"", 1) + frame(b"Hello")
WORLD = frame(b"", 1) + frame(b"World")


def wirezmq(
    *arguments: str | Path, cwd: Path = CAPTURES, **more: object
) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "timeout": LIMIT} | more
    sudo = ["sudo"] if "--live" in arguments else []  # a capture needs root
    return subprocess.run([*sudo, sys.executable, WIRE, *arguments], cwd=cwd, **options)  # type: ignore[call-overload, no-any-return]


def lines(talk: Talk, each: bool = False) -> list[str]:
    """Return label and frames of the events after the TCP handshake of the one connection."""
    (connection,) = told(talk.capture, each).connections
    return said(connection)


def said(connection: Connection) -> list[str]:
    return [
        f"{event.packet} {label(connection, event)}"
        for event in connection.events
        if event.kind not in ("syn", "syn-ack", "ack", "greeting", "ready")
    ]


def test_the_lab_is_told_word_for_word() -> None:
    done = wirezmq("lab.pcap")
    assert done.stdout == (CAPTURES / "lab.story.txt").read_text()
    assert (done.returncode, done.stderr) == (0, "")


def test_the_lab_has_all_that_is_asked_for() -> None:
    done = wirezmq("lab.pcap", "--check", "--expect", "5025211000")
    assert done.returncode == 0
    assert "14 of 14 found" in done.stdout
    assert 'request "5025211000"           found    packet 27' in done.stdout


def test_a_missing_text_fails_the_check() -> None:
    done = wirezmq("lab.pcap", "--expect", "5025211999")
    assert done.returncode == 1
    assert "MISSING  no request is this text" in done.stdout


def test_many_captures_get_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "late.pcap").write_bytes(Talk().say(0, HELLO).say(1, WORLD).capture)
    (tmp_path / "broken.pcap").write_bytes(b"not a capture")
    done = wirezmq(CAPTURES / "lab.pcap", "late.pcap", "--check", cwd=tmp_path)
    first, second, total = done.stdout.splitlines()
    assert first.startswith("complete  REQ-REP 4/4  PUB-SUB 5/5  PUSH-PULL 4/4")
    assert second == "MISSING   REQ-REP 1/4  PUB-SUB 0/5  PUSH-PULL 0/4  late.pcap"
    assert total == "1 of 2 captures complete"
    assert done.returncode == 1
    assert wirezmq("late.pcap", "broken.pcap", "--check", cwd=tmp_path).returncode == 2


def test_the_check_names_the_likely_cause() -> None:
    causes = {row.asked: row.cause for row in rows(told(Talk().say(0, HELLO).capture))[:4]}
    assert causes["TCP handshake"] == "no handshake: the capture was started after the client"
    assert causes["request and its reply"].startswith("no reply")


def test_json_holds_what_passed() -> None:
    done = wirezmq("lab.pcap", "--json")
    found = json.loads(done.stdout)
    assert (found["file"], found["packets"]) == ("lab.pcap", 70)
    push, req, pub = found["connections"]
    assert [c["pattern"] for c in found["connections"]] == ["PUSH-PULL", "REQ-REP", "PUB-SUB"]
    assert (req["client"], req["server"]) == ("127.0.0.1:55570", "127.0.0.1:5555")
    assert (req["version"], req["mechanism"], req["complete"]) == ("3.1", "NULL", True)
    assert req["requests"] == ["Hello", "5025211000", "apa kabar?"]
    assert req["replies"] == ["World", "Received: 5025211000", "Received: apa kabar?"]
    assert (pub["subscriptions"], pub["published"]) == (["WAKTU"], {"WAKTU": 5})
    assert push["jobs"] == [3, 3, 4, 3, 2]
    reply = next(event for event in req["events"] if event["kind"] == "reply")
    assert (reply["packet"], reply["sender"]) == (26, "127.0.0.1:5555")
    assert [part["role"] for part in reply["parts"]] == ["delimiter", "body"]


def test_two_captures_are_two_objects() -> None:
    done = wirezmq("lab.pcap", "lab.pcap", "--json")
    decoder, text, count = json.JSONDecoder(), done.stdout, 0
    while text.strip():
        _, end = decoder.raw_decode(text)
        text, count = text[end:].lstrip(), count + 1
    assert count == 2


def test_requests_and_replies_have_their_delimiter_and_round_trip() -> None:
    assert lines(Talk().shake().say(0, HELLO).say(1, WORLD)) == [
        '8 REQ → REP request "Hello" after the empty delimiter',
        '9 REP → REQ reply "World" after the empty delimiter, 1.00 ms after its request',
    ]


def test_runs_collapse_and_all_shows_each() -> None:
    talk = Talk().shake()
    for _ in range(5):
        talk.say(0, HELLO).say(1, WORLD)
    assert lines(talk) == [
        '8 REQ → REP 5 requests "Hello", 500.0/s, each after the empty delimiter',
        '9 REP → REQ 5 replies "World", 500.0/s, each after the empty delimiter, '
        "1.00 ms after its request on average",
    ]
    assert len(lines(talk, each=True)) == 10


def test_different_requests_stay_apart_and_in_order() -> None:
    talk = Talk().shake()
    for text in b"one", b"two", b"one":
        talk.say(0, frame(b"", 1) + frame(text)).say(1, WORLD)
    assert [line.split('"')[1] for line in lines(talk)[::2]] == ["one", "two", "one"]


def test_published_messages_collapse_by_topic() -> None:
    talk = Talk(*PUB).shake(b"SUB", b"PUB").say(0, command(b"SUBSCRIBE", b"WAKTU"))
    for second in range(4):
        talk.say(1, frame(b"WAKTU %d" % second), frame(b"TANGGAL x"))
    assert lines(talk) == [
        '8 SUB → PUB SUBSCRIBE to "WAKTU"',
        '9 PUB → SUB 4 messages published under WAKTU, 500.0/s, from "WAKTU 0" to "WAKTU 3"',
        '10 PUB → SUB 4 messages published under TANGGAL "TANGGAL x", 500.0/s',
    ]
    (connection,) = told(talk.capture).connections
    assert (connection.published, connection.matched) == ({"WAKTU": 4, "TANGGAL": 4}, 4)


def test_subscriptions_of_3_0_are_messages() -> None:
    talk = Talk(*PUB).open().say(0, greeting(minor=0)).say(1, greeting(minor=0))
    talk.say(0, ready(b"SUB")).say(1, ready(b"PUB"))
    assert lines(talk.say(0, frame(b"\1WAKTU")).say(0, frame(b"\0WAKTU"))) == [
        '8 SUB → PUB SUBSCRIBE to "WAKTU"',
        '9 SUB → PUB CANCEL of "WAKTU"',
    ]


def test_jobs_show_their_value_and_other_pickles_their_name() -> None:
    talk = Talk(*PUSH).shake(b"PULL", b"PUSH").say(1, frame(pickle.dumps(3)))
    assert lines(talk) == ["8 PUSH → PULL job 3 (a pickled int)"]
    evil = Talk(*PUSH).shake(b"PULL", b"PUSH").say(1, frame(pickle.dumps(["x"])))
    assert "a pickle of something else than an int" in lines(evil)[0]


def test_heartbeats_errors_and_unknown_commands_are_named() -> None:
    talk = Talk().shake().say(0, command(b"PING", b"\0\x0fabc")).say(1, command(b"PONG", b"abc"))
    talk.say(1, command(b"ERROR", b"\x04nope")).say(0, command(b"WHAT", b"ever"))
    assert lines(talk) == [
        '8 REQ → REP PING: time to live 1.5 s, context "abc"',
        '9 REP → REQ PONG: context "abc"',
        "10 REP → REQ ERROR: nope",
        "11 REQ → REP COMMAND: WHAT",
    ]


def test_identity_is_told() -> None:
    talk = Talk().open().say(0, greeting(), ready(b"DEALER", b"d1")).say(1, greeting())
    talk.say(1, ready(b"ROUTER"))
    (connection,) = told(talk.capture).connections
    assert connection.pattern == "DEALER-ROUTER"
    assert 'READY: socket type DEALER, identity "d1"' in label(connection, connection.events[4])


def test_a_greeting_makes_any_port_zmtp() -> None:
    sides = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 8080)
    (connection,) = told(Talk(*sides).shake().say(0, HELLO).capture).connections
    assert connection.pattern == "REQ-REP"
    web = Talk(*sides).open().say(0, b"GET / HTTP/1.1\r\n\r\n").say(1, b"HTTP/1.1 200 OK\r\n")
    assert told(web.capture).connections == []


def test_the_port_is_a_hint_until_both_have_said_their_type() -> None:
    talk = Talk().open().say(0, greeting()).say(1, greeting()).say(0, ready(b"REQ"))
    (connection,) = told(talk.capture).connections
    assert (connection.pattern, connection.by_port) == ("REQ-REP", True)
    (connection,) = told(talk.say(1, ready(b"ROUTER")).capture).connections
    assert (connection.pattern, connection.by_port) == ("REQ-ROUTER", False)
    other = Talk().open().say(0, greeting()).say(1, greeting()).say(0, ready(b"PUSH"))
    (connection,) = told(other.capture).connections
    assert (connection.pattern, connection.by_port) == ("PUSH-?", False)


def test_older_greetings_are_named() -> None:
    two = b"\xff" + bytes(8) + b"\x7f\x01"
    talk = Talk().open().say(0, two + b"\x03\0\0").say(1, two + b"\x04\0\0").say(0, HELLO)
    (connection,) = told(talk.capture).connections
    assert (connection.version, connection.pattern) == ("2.0", "REQ-REP")
    assert said(connection)[-1].endswith('request "Hello" after the empty delimiter')
    one = Talk().open().say(0, b"\1\0").say(1, b"\1\0").say(0, b"\1\1\6\0Hello")
    (connection,) = told(one.capture).connections
    assert connection.version == "1.0"
    assert connection.events[-1].text == "Hello"


def test_plain_and_curve_are_named() -> None:
    plain = Talk().open().say(0, greeting(b"PLAIN")).say(1, greeting(b"PLAIN"))
    plain.say(0, command(b"HELLO", b"\5siswa\6secret")).say(1, command(b"WELCOME"))
    heard = lines(plain)
    assert heard[0].endswith('HELLO: user "siswa" and a password of 6 bytes, in clear')
    assert "secret" not in "".join(heard)
    curve = Talk().open().say(0, greeting(b"CURVE")).say(1, greeting(b"CURVE"))
    curve.say(0, command(b"MESSAGE", bytes(40)))
    (connection,) = told(curve.capture).connections
    assert connection.mechanism == "CURVE"
    assert said(connection)[-1].endswith("encrypted frame, 15 bytes")


def test_who_closed_and_how() -> None:
    talk = Talk().shake()
    talk.add(0, FIN | ACK)
    talk.add(1, RST)
    assert lines(talk) == [
        "8 REQ → REP FIN: closes, it sends no more",
        "9 REP → REQ RST: breaks the connection off",
    ]


def test_refused_attempts_are_one_connection() -> None:
    talk = Talk()
    for _ in range(3):
        talk.add(0, SYN)
        talk.add(1, RST | ACK)
        talk.next[0] += 5000
    (connection,) = told(talk.capture).connections
    assert [(e.kind, e.count, e.packet) for e in connection.events] == [("refused", 3, 2)]
    assert "refused, no one listens on this port, 3 times" in label(
        connection, connection.events[0]
    )


def test_a_port_used_again_is_a_new_connection() -> None:
    first = Talk().shake().say(0, HELLO).close()
    second = Talk(first=900000).shake().say(0, HELLO)
    story = told(pcap(first.packets + second.packets))
    assert [c.counts["request"] for c in story.connections] == [1, 1]


def test_begun_before_the_capture() -> None:
    talk = Talk().say(0, HELLO).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    assert (connection.pattern, connection.by_port, connection.late) == ("REQ-REP", True, True)
    assert not connection.complete
    assert (
        said(connection)[0]
        == "1 REQ → REP begun before the capture: what came earlier cannot be told"
    )
    assert said(connection)[2].startswith('2 REP → REQ reply "World"')


def test_begun_in_the_middle_of_a_message() -> None:
    talk = Talk(*PUB).say(1, b"KTU Mon Jun 1 2026" + frame(b"WAKTU 1") + frame(b"WAKTU 2"))
    heard = lines(talk)
    assert heard[1].startswith("1 PUB → SUB 18 bytes (not told")
    assert '2 messages published under WAKTU, from "WAKTU 1" to "WAKTU 2"' in heard[2]


def test_a_missing_segment_is_said_and_the_rest_is_told() -> None:
    talk = Talk().shake().say(0, HELLO).say(1, WORLD)
    talk.add(0, ACK, HELLO, skip=True)
    talk.say(1, frame(b"", 1) + frame(b"lost?")).say(0, HELLO).say(1, WORLD)
    heard = lines(talk)
    assert any("10 bytes" not in line and "9 bytes (not in the capture)" in line for line in heard)
    assert sum("request" in line.split('"')[0] for line in heard) >= 1
    (connection,) = told(talk.capture).connections
    assert (missing(connection), connection.counts["request"]) == (9, 2)


def test_a_hole_inside_a_long_message_keeps_the_place() -> None:
    long = frame(b"", 1) + frame(b"x" * 3000)
    talk = Talk().shake().say(0, long[:1000])
    talk.add(0, ACK, long[1000:2000], skip=True)
    talk.say(0, long[2000:]).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    request = next(event for event in connection.events if event.kind == "request")
    assert request.note == "1000 of its bytes are not in the capture"
    assert (request.first_packet, request.packet, request.size) == (8, 9, 3000)


def test_what_came_twice_is_told_once() -> None:
    talk = Talk().shake().say(0, HELLO)
    talk.packets = [packet for packet in talk.packets for _ in range(2)]
    story = told(talk.capture)
    (connection,) = story.connections
    assert connection.counts["request"] == 1
    assert connection.retransmitted > 0
    assert any("came again" in line for line in story_lines("x", story))


def test_a_snap_length_is_said() -> None:
    whole = Talk().shake().say(0, frame(b"", 1) + frame(b"y" * 200)).capture
    cut = bytearray(pcap([]))
    at, packets = 24, []
    while at < len(whole):
        size = int.from_bytes(whole[at + 8 : at + 12], "little")
        packets.append((whole[at : at + 16], whole[at + 16 : at + 16 + size]))
        at += 16 + size
    for head, data in packets:
        kept = data[:128]
        cut += head[:8] + len(kept).to_bytes(4, "little") + head[12:] + kept
    text = "\n".join(story_lines("x", told(bytes(cut))))
    assert "1 packet is cut by the snap length: capture with -s 0" in text
    assert "129 of its bytes are not in the capture" in text or "of its bytes are not" in text


def test_nothing_of_a_message_reaches_the_terminal_raw() -> None:
    nasty = "\x1b[2J\x07‮evil\n".encode() + b"\xff"
    text = "\n".join(story_lines("x", told(Talk().shake().say(0, frame(nasty)).capture)))
    assert r"\x1b[2J\x07\u202eevil\n\xff" in text
    assert "\x1b" not in text


def test_ports_can_be_hinted(tmp_path: Path) -> None:
    sides = (bytes((10, 0, 0, 2)), 40000), (bytes((10, 0, 0, 3)), 7001)
    (tmp_path / "x.pcap").write_bytes(Talk(*sides).say(0, HELLO).say(1, WORLD).capture)
    assert wirezmq("x.pcap", cwd=tmp_path).returncode == 2
    done = wirezmq("x.pcap", "--port", "7001=req-rep", cwd=tmp_path)
    assert 'request "Hello"' in done.stdout
    assert wirezmq("x.pcap", "--port", "7001=FOO", cwd=tmp_path).returncode == 2


def test_colour_is_for_terminals_only() -> None:
    import pty

    def shown(**environment: str) -> bytes:
        master, slave = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        with subprocess.Popen(
            [sys.executable, WIRE, CAPTURES / "lab.pcap"], stdout=slave, env=clean | environment
        ) as process:
            os.close(slave)
            out = b""
            try:
                while part := os.read(master, 65536):
                    out += part
            except OSError:
                pass
            assert process.wait() == 0
        os.close(master)
        return out

    assert b"\x1b[" in shown()
    assert b"\x1b[" not in shown(NO_COLOR="1")


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("none.pcap", None, "No such file or directory"),
        ("folder", "folder", "a folder, not a file"),
        ("empty.pcap", b"", "empty: nothing was captured, or tcpdump has not ended yet"),
        ("text.pcap", b"Hello, this is text", "a text, not a capture"),
        ("noise.pcap", b"\0\1\2\3" * 9, "not a capture (neither pcap nor pcapng)"),
        ("cut.pcap", Talk().shake().capture[:-5], "cut short in packet 7"),
        ("head.pcap", pcap([])[:10], "cut short in its first line: nothing was captured"),
        (
            "web.pcap",
            pcap([ethernet(b"")] * 3),
            "no ZMTP in its 3 packets: was it captured on BRIDGE?",
        ),
    ],
)
def test_bad_captures_get_one_line(
    tmp_path: Path, name: str, content: bytes | str | None, wrong: str
) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    done = wirezmq(name, cwd=tmp_path)
    wrong = wrong.replace("BRIDGE", BRIDGE)
    assert done.stderr == f"wirezmq.py: {name}: {wrong}\n"
    assert done.returncode == 2


LATER = dpkt.ip.IP(src=bytes(4), dst=bytes(4), p=6, offset=160, data=bytes(80), len=100)


@pytest.mark.parametrize(
    ("capture", "cause"),
    [
        (
            pcap(Talk().shake().say(0, HELLO).packets, snap=50),
            "8 packets are cut by the snap length: capture with -s 0",
        ),
        (
            pcap([bytes(60)] * 2, link=147),
            "2 packets are of link type 147, which cannot be read",
        ),
        (
            pcap([ethernet(bytes(LATER))]),
            "1 packet is a fragment whose other parts are not there",
        ),
    ],
)
def test_why_nothing_was_found_is_said_if_it_is_known(
    tmp_path: Path, capture: bytes, cause: str
) -> None:
    (tmp_path / "x.pcap").write_bytes(capture)
    done = wirezmq("x.pcap", cwd=tmp_path)
    assert re.fullmatch(f"wirezmq.py: x.pcap: no ZMTP in its . packets: {cause}\n", done.stderr)
    done = wirezmq("x.pcap", "--check", cwd=tmp_path)
    assert re.search(f"  no ZMTP in its . packets: {cause}\n", done.stdout)
    assert (done.stdout.count(" MISSING\n"), done.returncode) == (13, 1)


def test_what_a_cut_capture_holds_is_told(tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(Talk().shake().say(0, HELLO).close().capture[:-5])
    done = wirezmq("cut.pcap", cwd=tmp_path)
    assert 'request "Hello"' in done.stdout
    assert done.returncode == 2


def test_a_capture_one_may_not_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "x.pcap").touch(0)
    done = as_nobody("x.pcap", cwd=tmp_path)
    assert done.stderr == "wirezmq.py: x.pcap: Permission denied\n"
    assert done.returncode == 2


def test_no_right_to_capture() -> None:
    done = as_nobody("--live", "lo")
    assert done.stderr == "wirezmq.py: lo: no right to capture: run it as root (sudo)\n"
    assert done.returncode == 2


def as_nobody(*arguments: str, cwd: Path = CAPTURES) -> subprocess.CompletedProcess[str]:
    """Run wirezmq as a user without rights; loaded before, as they may not read the clone."""
    script = (
        "import os, sys, wirezmq, cli.live, cli.story, output.text\n"
        "wirezmq.arguments()  # loads the rest of argparse\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.exit(wirezmq.main())"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(WIRE.parent)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("lab.pcap", "--live", "lo"),
        ("--check",),
        ("-w", "x.pcap", "lab.pcap"),
        ("lab.pcap", "lab.pcap", "--html", "x"),
        ("-", "--pcapng", "x"),
        ("lab.pcap", "--check", "--json"),
        ("--nonsense",),
    ],
)
def test_bad_usage_is_exit_2(arguments: tuple[str, ...]) -> None:
    done = wirezmq(*arguments, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("wirezmq.py: error: ")


def test_a_pipe_is_read_while_it_is_written() -> None:
    data = (CAPTURES / "lab.pcap").read_bytes()
    with subprocess.Popen(
        [sys.executable, WIRE, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        for at in range(0, len(data), 700):
            process.stdin.write(data[at : at + 700])
            process.stdin.flush()
        out, _ = process.communicate()
    assert out.startswith(b"-: 70 packets")


def test_memory_stays_flat() -> None:
    talk = Talk().shake()
    for number in range(2000):
        talk.say(0, frame(b"", 1) + frame(b"request %d" % number)).say(1, WORLD)
    (connection,) = told(talk.capture).connections
    assert len(connection.events) < 520
    assert connection.counts["request"] == 2000


def test_json_of_a_story_can_be_made_without_a_file() -> None:
    assert json.loads(capture_json("x", told(Talk().shake().capture, True)))["packets"] == 7


def test_a_synthetic_syn_is_not_a_connection() -> None:
    assert told(pcap([ethernet(tcp(*PUB, 1, 0, SYN))])).connections == []
