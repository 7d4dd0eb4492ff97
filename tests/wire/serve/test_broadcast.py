"""The live page and those who mean harm, are slow, or are many."""

import json
import random
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import zmq
from playwright.sync_api import Browser, expect

from capture.files import packets
from command import wirezmq
from conftest import Served, wait_for
from screen import Serve, events, pick, status
from tcp.segment import Segment, segment
from wire_packets import questions

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it


MESSAGES = 2000  # so many the kernel keeps, however slow the machine captures


MEMORY = 100e6  # bytes, of the server and the process that captures for it


@contextmanager
def published(port: int) -> Iterator[Callable[[], None]]:
    """Publish at a port of loopback; what this yields sends one message more, and has it read."""
    with zmq.Context() as context, context.socket(zmq.PUB) as pub, context.socket(zmq.SUB) as sub:
        pub.linger = sub.linger = pub.sndhwm = sub.rcvhwm = 0
        pub.bind(f"tcp://127.0.0.1:{port}")
        sub.connect(f"tcp://127.0.0.1:{port}")
        sub.subscribe("")
        while not sub.poll(10):
            pub.send_string("begin")  # the first may come before the subscription
        numbers = count()

        def send() -> None:
            text = f"count {next(numbers)} {random.random()}"
            pub.send_string(text)
            while sub.recv_string() != text:  # or one that began
                pass

        yield send


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Listener:
    """A browser without a screen: it reads what it is sent, or 50 bytes of it."""

    def __init__(self, served: Served, slow: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", served.port))
        request = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n"
        self.socket.sendall(request.encode())
        self.slow = slow
        self.totals: dict[str, int] = {}
        self.dropped = -1
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        rest = b""
        while more := self.socket.recv(50 if self.slow else 1 << 16):
            if self.slow:
                return
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    change = json.loads(line[6:])
                    self.totals |= change.get("totals", {})
                    self.dropped = change.get("state", {}).get("dropped", self.dropped)


def resident(process: int) -> int:
    """Return the bytes of memory of a process and of all its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    status = Path(f"/proc/{process}/status").read_text()
    ours = int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return ours + sum(resident(int(child)) for child in children)


@pytest.mark.usefixtures("loopback_alone")
def test_a_hundred_browsers_a_slow_one_and_one_that_never_reads(
    serve: Serve, tmp_path: Path
) -> None:
    served = serve("--live", "lo", "-w", "kept.pcap")
    idle = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(2)]
    for connection in idle:  # never read
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    listeners = [Listener(served) for _ in range(100)]
    slow = Listener(served, slow=True)
    wait_for(lambda: all(listener.dropped == 0 for listener in listeners))
    with published(free_port()) as send:
        for _ in range(MESSAGES):
            send()

    def counted(listener: Listener) -> bool:
        """Tell whether it has counted all, or was told that the kernel dropped some."""
        return listener.dropped > 0 or listener.totals.get("PUB-SUB", 0) >= MESSAGES

    wait_for(lambda: all(counted(listener) for listener in listeners))
    memory = resident(served.process.pid)
    print(f"memory: {memory / 1e6:.0f} MB with {len(listeners) + 3} browsers")
    assert memory < MEMORY
    assert all(listener.dropped == 0 for listener in listeners)
    assert slow.totals == {}
    served.interrupt()
    told = wirezmq("kept.pcap", cwd=tmp_path).stdout
    with (tmp_path / "kept.pcap").open("rb") as kept:  # and nothing of what the page itself sends
        parts = [part for record in packets(kept) if isinstance(part := segment(record), Segment)]
    keys = [part.key[-4:] for part in parts]
    assert served.port.to_bytes(2) not in {key[:2] for key in keys} | {key[2:] for key in keys}
    (run,) = [line for line in told.splitlines() if "under count" in line]
    assert f" {MESSAGES:,} messages published under count" in run


def test_a_capture_gone_through_backwards_takes_no_more_memory(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(600))
    served = serve("long.pcap")

    for step in range(200):  # each is asked for, and left again for the one before
        with socket.create_connection(("127.0.0.1", served.port)) as asked:
            request = f"GET /play?step={1000 - step} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            asked.sendall(request.encode())
            asked.recv(1000)
    memory = resident(served.process.pid)
    print(f"memory: {memory / 1e6:.0f} MB after 200 steps back")
    assert memory < 0.8 * MEMORY


def test_ctrl_c_does_not_wait_for_who_is_on_the_way_to_a_far_place(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "long.pcap").write_bytes(questions(5000))
    served = serve("long.pcap")
    with ExitStack() as open_until_then:
        connections = []
        for _ in range(100):
            connections.append(socket.create_connection(("127.0.0.1", served.port)))
            open_until_then.enter_context(connections[-1])
            asked = b"GET /play?packet=10000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            connections[-1].sendall(asked)
            assert connections[-1].recv(1000).startswith(b"HTTP/1.1 200")
        assert served.interrupt() == "\nended\n"
        arrived = [b"answer 4995" in rest(connection) for connection in connections]
    assert not all(arrived)


def rest(connection: socket.socket) -> bytes:
    """Return what a connection still has, up to its end."""
    heard = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(1 << 16):
            heard += more
    return heard


@pytest.mark.usefixtures("loopback_alone")
def test_a_click_is_answered_while_it_rains(serve: Serve, browser: Browser) -> None:
    page = browser.new_page()
    served = serve("--live", "lo")
    page.goto(served.url)
    status(page, "^live$")
    port, dry, sent = free_port(), threading.Event(), 0

    def rain() -> None:
        nonlocal sent
        with published(port) as send:
            while not dry.wait(0.005):
                send()
                sent += 1

    cloud = threading.Thread(target=rain)
    cloud.start()
    try:
        pick(page, port)
        run = events(page).filter(has_text="messages published under count")
        expect(run).to_be_visible()
        page.evaluate(CLICKS)
    finally:
        dry.set()
        cloud.join()
    expect(run).to_have_text(re.compile(f"{sent:,} messages published under count"))
    page.close()


# Presses one arrow after the other; of each the bytes are there before messages go on.
CLICKS = """async () => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let at = 0; at < 10; at++) {
    const rows = document.querySelectorAll("[role=option]");
    const row = rows[at % rows.length];
    row.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await painted();
    if (row.ariaSelected !== "true") throw "not selected";
    await new Promise((done) => setTimeout(done, 100));
  }
}"""
