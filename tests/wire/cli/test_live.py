"""Live: what passes is told at once, Ctrl-C ends it, and the file that it keeps is complete."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from capture.files import CaptureFile
from capture.recorder import BEHIND
from command import wirezmq
from conftest import LIMIT, run, wait_for
from live import Live, Namespace, kill, owner
from wire_packets import CAPTURES

TOTALS = (
    r"\n(\d+) packets captured\n(\d+) packets received by filter\n(\d+) packets dropped by kernel\n"
)


@pytest.fixture
def sockets() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes], int]]:
    with zmq.Context() as context, context.socket(zmq.REP) as rep, context.socket(zmq.REQ) as req:
        rep.linger = req.linger = 0
        port = rep.bind_to_random_port("tcp://127.0.0.1")
        yield rep, req, port


@pytest.mark.usefixtures("loopback_alone")
def test_a_message_is_told_before_the_next_is_sent(
    sockets: tuple[zmq.Socket[bytes], zmq.Socket[bytes], int], tmp_path: Path
) -> None:
    rep, req, port = sockets
    live = Live("-w", tmp_path / "kept.pcap")
    req.connect(f"tcp://127.0.0.1:{port}")
    for number in range(10):
        req.send_string(f"live {number}")
        rep.recv()
        rep.send_string(f"seen {number}")
        req.recv()
        line = live.wait_for(f'request "live {number}" after the empty delimiter')
        assert "REQ → REP" in line
        live.wait_for(f'reply "seen {number}"')
    assert "packets captured" in live.interrupt()
    done = wirezmq("kept.pcap", "--all", cwd=tmp_path)
    assert done.stderr == ""
    assert all(f'request "live {number}"' in done.stdout for number in range(10))
    assert owner(tmp_path / "kept.pcap") == owner(tmp_path)


def test_a_file_belongs_to_the_owner_of_its_folder(namespace: Namespace, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    subprocess.run(["sudo", "chown", "1234:1234", folder], check=True)
    live = Live("-w", folder / "kept.pcap", namespace=namespace)
    assert totals(live.interrupt()) == (0, 0, 0)
    assert owner(folder / "kept.pcap") == (1234, 1234)
    done = wirezmq("kept.pcap", cwd=folder)
    assert "kept.pcap: empty: no packet is in it" in done.stderr


def test_an_interface_that_does_not_exist(tmp_path: Path) -> None:
    done = wirezmq("--live", "br-none", "-w", "x.pcap", cwd=tmp_path)
    assert done.stderr.startswith("wirezmq.py: br-none: no such interface: there are lo")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "x.pcap").exists()


def test_a_file_that_cannot_be_written() -> None:
    done = wirezmq("--live", "lo", "-w", "/nowhere/x.pcap")
    assert done.stderr == "wirezmq.py: /nowhere/x.pcap: No such file or directory\n"
    assert done.returncode == 2


@pytest.mark.parametrize("path", ["/dev/null", "/dev/full"])
def test_a_file_that_nothing_can_be_read_from(path: str) -> None:
    done = wirezmq("--live", "lo", "-w", path)
    assert done.stderr == f"wirezmq.py: {path}: not a regular file, from which it can be told\n"
    assert done.returncode == 2


def totals(said: str) -> tuple[int, ...]:
    """Return how many packets were captured, received and dropped."""
    found = re.search(TOTALS, said)
    assert found, said
    return tuple(map(int, found.groups()))


# --- bursts, in a network of the test's own --------------------------------------------------


# Sends so many messages of so many bytes, each with its number.
BURST = """
import sys, zmq
count, size = map(int, sys.argv[1:])
with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
    push.sndhwm = pull.rcvhwm = 0
    push.bind("tcp://127.0.0.1:9999")
    pull.connect("tcp://127.0.0.1:9999")
    for number in range(count):
        push.send((b"%d " % number).ljust(size, b"."))
    for number in range(count):
        assert pull.recv().startswith(b"%d " % number)
"""


@pytest.mark.parametrize(("count", "size"), [(50_000, 20), (50_000, 1000), (1, 1_500_000)])
@pytest.mark.parametrize("keeps", [False, True])
def test_a_burst_is_told_or_its_drops_are_said(
    count: int, size: int, keeps: bool, namespace: Namespace, tmp_path: Path
) -> None:
    """Beside it runs tcpdump, as it is usually called: it never loses less."""
    command = ["tcpdump", "-Z", "root", "-i", "lo", "-w", str(tmp_path / "theirs.pcap")]
    theirs = subprocess.Popen(namespace.command(*command), stderr=subprocess.PIPE, text=True)
    assert theirs.stderr and "listening on lo" in theirs.stderr.readline()
    kept = tmp_path / "kept.pcap"
    live = Live(*(("-w", kept) if keeps else ()), namespace=namespace)
    namespace.python(BURST, str(count), str(size))
    wait_for(lambda: (tmp_path / "theirs.pcap").stat().st_size > 0)
    said = live.interrupt()
    theirs.send_signal(signal.SIGINT)
    found = re.search(r"(\d+) packets dropped by kernel", theirs.communicate(timeout=LIMIT)[1])
    assert found
    captured, received, dropped = totals(said)
    assert captured + dropped == received
    assert dropped <= int(found[1])
    jobs = [line for line in live.told if " job " in line]
    numbers = {int(found[1]) for job in jobs if (found := re.search(r'job "(\d+) \.', job))}
    assert dropped or numbers == set(range(count))
    assert ("packets dropped by kernel so far" in said) == (dropped > 0)
    if keeps:
        capture = CaptureFile(str(kept))
        assert sum(1 for _ in capture) == captured
        assert (capture.dropped, capture.wrong) == (dropped, "")
        assert ("dropped by the kernel" in wirezmq(kept).stdout) == (dropped > 0)


# Sends so many datagrams: each is one packet.
DATAGRAMS = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to, \\
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    to.bind(("127.0.0.1", 9))
    for number in range(int(sys.argv[1])):
        udp.sendto(b"%d " % number + bytes(int(sys.argv[2])), to.getsockname())
"""


def quiet(namespace: Namespace) -> Namespace:
    """Let nothing pass there but what is sent: IPv6 would look for routers."""
    namespace.run("sysctl", "-w", "net.ipv6.conf.all.disable_ipv6=1")
    return namespace


def test_each_packet_is_kept_or_counted(namespace: Namespace, tmp_path: Path) -> None:
    live = Live("-w", tmp_path / "kept.pcap", namespace=quiet(namespace))
    namespace.python(DATAGRAMS, "50000", "100")
    captured, received, dropped = totals(live.interrupt())
    assert (captured + dropped, received) == (50_000, 50_000)
    assert sum(1 for _ in CaptureFile(str(tmp_path / "kept.pcap"))) == captured


def test_who_is_told_too_slowly_hears_of_it(namespace: Namespace) -> None:
    """Without a file what waits to be told is in memory, which has a bound."""
    live = Live(namespace=quiet(namespace))
    _, recorder = live.processes()
    file = Path(f"/proc/{recorder}/cmdline").read_text().split("\0")[5]  # its third argument
    blocks = "sudo", "stat", "-Lc", "%b", f"/proc/{recorder}/fd/{file}"
    live.stop()
    sent = 0

    def full() -> bool:
        nonlocal sent
        namespace.python(DATAGRAMS, "100", "60000")  # 6 MB, for which the ring has room
        sent += 100
        return int(run(*blocks).stdout) * 512 > BEHIND

    wait_for(full)
    namespace.python(DATAGRAMS, "1000", "60000")  # and 60 MB, for which nothing has
    status = Path(f"/proc/{recorder}/status").read_text()
    live.go_on()
    live.hears("packets dropped by kernel so far: what they carried is not told")
    captured, received, dropped = totals(live.interrupt())
    assert (captured + dropped, received) == (sent + 1000, sent + 1000)
    assert BEHIND < captured * 60_000 < 2 * BEHIND  # the memory, and the ring
    assert int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) < 100_000


@pytest.mark.parametrize("keeps", [False, True])
def test_what_was_captured_before_ctrl_c_is_told_to_its_end(
    keeps: bool, namespace: Namespace, tmp_path: Path
) -> None:
    live = Live(*(("-w", tmp_path / "kept.pcap") if keeps else ()), namespace=namespace)
    live.stop()
    namespace.python(BURST, "30000", "20")
    kill(signal.SIGINT, live.processes()[0])
    live.go_on()
    _, _, dropped = totals(live.ended())
    assert dropped or sum(" job " in line for line in live.told) == 30_000


def test_a_second_ctrl_c_ends_at_once_and_says_what_is_not_told(namespace: Namespace) -> None:
    live = Live(namespace=namespace, reads=False)  # what it tells fills the pipe
    namespace.python(BURST, "100000", "20")
    pid, recorder = live.processes()
    kill(signal.SIGINT, pid)
    status = Path(f"/proc/{recorder}/status")
    wait_for(lambda: "State:\tZ" in status.read_text())  # it has ended: Ctrl-C was heard
    kill(signal.SIGINT, pid)
    said = live.ended()
    assert totals(said)[0] > 0
    assert re.search(r"\n[1-9]\d* of them are not told any more\n", said)


# --- its end ---------------------------------------------------------------------------------


# Sends the packets of a capture, as they are, from an interface.
REPLAY = """
import socket, sys
sys.path.insert(0, "wire")
from capture.files import CaptureFile
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    raw.bind((sys.argv[2], 0))
    for packet in CaptureFile(sys.argv[1]):
        raw.send(packet.data)
"""
NO_END = str(CAPTURES / "live-no-end.pcap")


@pytest.fixture
def wire(namespace: Namespace) -> Namespace:
    """Two interfaces: what left sends, right gets."""
    namespace.run("sysctl", "-w", "net.ipv6.conf.default.disable_ipv6=1")
    namespace.run(*"ip link add left type veth peer name right".split())
    for name in "left", "right":
        namespace.run("ip", "link", "set", name, "up")
    return namespace


def test_what_waits_for_a_packet_that_does_not_come_is_told_at_the_end(
    wire: Namespace, tmp_path: Path
) -> None:
    live = Live("-w", tmp_path / "kept.pcap", interface="right", namespace=wire)
    wire.python(REPLAY, NO_END, "left")
    live.wait_for('reply "r1"')
    live.interrupt()
    told = "".join(live.told)
    assert [found[1] for found in re.finditer(r'reply "(r\d)"', told)] == [
        f"r{n}" for n in range(6)
    ]
    kept = wirezmq(tmp_path / "kept.pcap", "--all").stdout
    assert events(told) == events(kept)


def events(text: str) -> list[str]:
    """Return what is told of packets, without the number of the connection."""
    return [found[1] for found in re.finditer(r"(?m)^(?:\[1\])? +(\d+ +\d+\.\d+ .*)$", text)]


def test_what_waits_is_told_after_a_while_though_nothing_comes(wire: Namespace) -> None:
    live = Live(interface="right", namespace=wire)
    wire.python(REPLAY, NO_END, "left")
    live.wait_for('reply "r5"')
    live.interrupt()


def test_ctrl_c_on_a_silent_interface(wire: Namespace) -> None:
    live = Live(interface="right", namespace=wire)
    assert totals(live.interrupt()) == (0, 0, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_file_is_complete_if_whoever_tells_is_killed(
    number: int, namespace: Namespace, tmp_path: Path
) -> None:
    live = Live("-w", tmp_path / "kept.pcap", namespace=quiet(namespace))
    pid, recorder = live.processes()
    live.stop()
    namespace.python(DATAGRAMS, "20000", "1000")
    kill(number, pid)
    live.go_on()
    wait_for(lambda: not Path(f"/proc/{recorder}").exists())
    capture = CaptureFile(str(tmp_path / "kept.pcap"))
    assert sum(1 for _ in capture) + capture.dropped == 20_000
    assert capture.wrong == ""


def test_the_process_that_captures_is_killed(namespace: Namespace, tmp_path: Path) -> None:
    live = Live("-w", tmp_path / "kept.pcap", namespace=namespace)
    namespace.python(BURST, "10", "20")
    live.wait_for(" FIN")
    kill(signal.SIGKILL, live.processes()[1])
    said = live.ended(2)
    assert said.endswith("kept.pcap: the capture ended: the process that captures was killed\n")
    assert sum(" job " in line for line in live.told) == 10
    assert totals(said)[0] == sum(1 for _ in CaptureFile(str(tmp_path / "kept.pcap")))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk with little room."""
    folder = tmp_path / "small"
    folder.mkdir()
    run("sudo", "mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "small", str(folder))
    yield folder
    run("sudo", "umount", str(folder))


def test_a_full_disk(namespace: Namespace, small: Path) -> None:
    live = Live("-w", small / "kept.pcap", namespace=quiet(namespace))
    namespace.python(DATAGRAMS, "3000", "1000")
    said = live.ended(2)
    why = "the capture ended: No space left on device"
    assert said.endswith(f"wirezmq.py: {small}/kept.pcap: {why}\n")
    captured, _, _ = totals(said)
    capture = CaptureFile(str(small / "kept.pcap"))
    assert sum(1 for _ in capture) == captured > 0
    assert capture.wrong == ""


def test_an_interface_that_goes_and_comes_again(wire: Namespace, tmp_path: Path) -> None:
    live = Live("-w", tmp_path / "kept.pcap", interface="right", namespace=wire)
    wire.python(REPLAY, NO_END, "left")
    live.wait_for('reply "r5"')
    wire.run(*"ip link del left".split())
    live.hears("right is not there: waiting for it\n")
    wire.run(*"ip tuntap add right mode tun".split())  # of another kind
    wire.run(*"ip link set right up".split())
    live.hears("right is there\n")
    captured, _, _ = totals(live.interrupt())
    capture = CaptureFile(str(tmp_path / "kept.pcap"))
    assert (sum(1 for _ in capture), capture.wrong) == (captured, "")


def test_head_ends_it(namespace: Namespace) -> None:
    command = [sys.executable, "wire/wirezmq.py", "--live", "lo"]
    live = subprocess.Popen(
        namespace.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert live.stdout and live.stderr
    live.stderr.readline()
    live.stdout.close()
    namespace.python(BURST, "10", "20")
    assert live.wait(LIMIT) == 0
    assert live.stderr.read() == ""
    live.stderr.close()
