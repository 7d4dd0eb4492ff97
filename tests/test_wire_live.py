"""Live: what passes is told at once, Ctrl-C ends it, and the file that it keeps is complete."""

import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from conftest import BRIDGE, LIMIT, run
from test_wire_story import WIRE, wirezmq

pytestmark = pytest.mark.usefixtures("loopback_alone")


class Live:
    """wirezmq on the loopback of this machine."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            ["sudo", sys.executable, WIRE, "--live", "lo", *arguments],  # a capture needs root
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            start_new_session=True,  # from its own process group sudo passes no signal on
        )
        assert self.process.stderr is not None
        assert self.process.stderr.readline() == "live from lo, Ctrl-C ends it\n"
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def wait_for(self, text: str) -> str:
        while text not in (line := self.lines.get(timeout=LIMIT)):
            pass
        return line

    def catch_up(self) -> None:
        """Wait until all that has passed is told: of what passes now, a last message."""
        with zmq.Context() as context, context.socket(zmq.REP) as rep:
            with context.socket(zmq.REQ) as req:
                rep.linger = req.linger = 0
                req.connect(f"tcp://127.0.0.1:{rep.bind_to_random_port('tcp://127.0.0.1')}")
                req.send(b"all has passed")
                self.wait_for('request "all has passed"')

    def interrupt(self) -> str:
        """Do what Ctrl-C does; return what is said then."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(LIMIT) == 0
        assert self.process.stderr is not None
        return self.process.stderr.read()


@pytest.fixture
def sockets() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes], int]]:
    with zmq.Context() as context, context.socket(zmq.REP) as rep, context.socket(zmq.REQ) as req:
        rep.linger = req.linger = 0
        port = rep.bind_to_random_port("tcp://127.0.0.1")
        yield rep, req, port


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
    assert "packets" in live.interrupt()
    done = wirezmq("kept.pcap", "--all", cwd=tmp_path)
    assert done.stderr == ""
    assert all(f'request "live {number}"' in done.stdout for number in range(10))
    assert (tmp_path / "kept.pcap").stat().st_uid == tmp_path.stat().st_uid


def test_a_file_belongs_to_the_owner_of_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    subprocess.run(["sudo", "chown", "1234:1234", folder], check=True)
    live = Live("-w", folder / "kept.pcap")
    live.interrupt()
    kept = (folder / "kept.pcap").stat()
    assert (kept.st_uid, kept.st_gid) == (1234, 1234)
    done = wirezmq("kept.pcap", cwd=folder)
    assert "no ZMTP in its" in done.stderr


def test_an_interface_that_does_not_exist(tmp_path: Path) -> None:
    done = wirezmq("--live", "br-none", "-w", "x.pcap", cwd=tmp_path)
    assert done.stderr.startswith("wirezmq.py: br-none: no such interface: there are lo")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "x.pcap").exists()


def test_a_file_that_cannot_be_written() -> None:
    done = wirezmq("--live", "lo", "-w", "/nowhere/x.pcap")
    assert done.stderr == "wirezmq.py: /nowhere/x.pcap: No such file or directory\n"
    assert done.returncode == 2


SILENT = """
import signal, sys, threading, time
sys.path.insert(0, "wire")
from capture.interface import listen, packets

def elsewhere():  # the signal arrives, but does not wake the wait for a packet
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=elsewhere).start()
with listen(sys.argv[1]) as raw:
    try:
        for record in packets(raw):
            pass
    except KeyboardInterrupt:
        print("ended")
"""


def test_ctrl_c_just_before_the_wait_for_a_packet() -> None:
    """It came at once, and was noticed with the next packet, which on a quiet bridge is none."""
    silent = f"{BRIDGE}-s"
    run(*f"sudo ip link add {silent} type bridge".split())
    run(*f"sudo sysctl -w net.ipv6.conf.{silent}.disable_ipv6=1".split())  # it is never silent
    run(*f"sudo ip link set {silent} up".split())
    try:
        done = run("sudo", sys.executable, "-c", SILENT, silent)
    finally:
        run("sudo", "ip", "link", "delete", silent)
    assert (done.stdout, done.stderr) == ("ended\n", "")
