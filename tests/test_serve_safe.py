"""The live page and those who mean harm, are slow, or are many."""

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import zmq
from playwright.sync_api import Browser, expect

import hostile
from capture.files import packets
from conftest import LIMIT, Served, wait_for
from screen import LAB, Serve, events, opened, pick, status
from tcp.segment import Segment, segment
from test_wire_story import wirezmq
from wire_packets import Talk, frame, pcap, questions, ready

pytestmark = pytest.mark.xdist_group("browser")  # one worker has it

MESSAGES = 2000  # so many the kernel keeps, however slow the machine captures
MEMORY = 100e6  # bytes, of the server and the process that captures for it


def ask(served: Served, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Ask as no browser would; return the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=LIMIT)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    reply = connection.getresponse()
    said = (reply.status, reply.read().decode(errors="replace"))
    connection.close()
    return said


# --- who may read ----------------------------------------------------------------------------


def test_it_listens_on_this_machine_alone(serve: Serve) -> None:
    served = serve(LAB)
    found = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True).stdout
    if f":{served.port}" not in found:  # ss is not everywhere
        found = Path("/proc/net/tcp").read_text()
        assert f"0100007F:{served.port:04X}" in found and f"00000000:{served.port:04X}" not in found
    else:
        assert f"127.0.0.1:{served.port}" in found and f"0.0.0.0:{served.port}" not in found


def test_another_address_is_warned_of(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "wire/wirezmq.py", f"--serve=0.0.0.0:{port}", str(LAB)]
    process = subprocess.Popen(command, cwd=LAB.parents[2], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    warning = "warning: whoever reaches 0.0.0.0 can read all that passes\n"
    assert process.stderr.readline() == warning
    assert process.stderr.readline().startswith(f"http://0.0.0.0:{port} plays ")
    process.terminate()
    assert process.wait(LIMIT) == 0


@pytest.mark.parametrize(
    "host, answered",
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("[::1]:8080", True),
        ("192.168.1.7:8080", True),  # a number is no name that could be turned on us
        ("evil.example:8080", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("127.0.0.1@evil.example", False),
    ],
)
def test_only_numbers_and_localhost_are_answered_to(
    serve: Serve, host: str, answered: bool
) -> None:
    served = serve(LAB)
    for path in ("/", "/play", "/zmq.pcap", "/zmq.html", "/static/main.js", "/events"):
        code, said = ask(served, path, Host=host)
        assert (code == 421) == (not answered), said
        if not answered:
            assert said == "Ask for 127.0.0.1 or localhost: other names are not answered to."


def test_a_page_of_another_origin_reads_nothing(serve: Serve, browser: Browser) -> None:
    served, other = serve(LAB), serve(LAB)  # another port is another origin
    for path in ("/play", "/zmq.pcap", "/zmq.html", "/static/main.js"):
        for site in ("cross-site", "same-site"):
            headers = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors"}
            assert ask(served, path, **headers)[0] == 403
    context = browser.new_context(bypass_csp=True)  # a page of theirs has no policy of ours
    theirs = context.new_page()
    theirs.goto(other.url)
    read = theirs.evaluate(READ, served.url)
    assert read == ["rejected"] * 4
    framed = theirs.evaluate(
        """(url) => new Promise((done) => { const frame = document.createElement("iframe");
        frame.src = url; frame.onload = () => done(frame.contentDocument === null);
        document.body.append(frame) })""",
        served.url,
    )
    assert framed  # it shows an error of its own: no page of ours is in a frame of theirs
    context.close()


# Tries what a page may try on another origin: to fetch, an image, a script.
READ = """(url) => {
  const element = (kind, path) => new Promise((yes, no) => {
    const made = document.createElement(kind);
    made.onload = yes;
    made.onerror = () => no(kind);
    made.src = url + path;
    document.head.append(made);
  });
  return Promise.allSettled([
    fetch(url + "play").then((reply) => reply.text()),
    fetch(url + "zmq.pcap", { mode: "no-cors" }).then((reply) => reply.text()),
    element("img", "static/icon.svg"),
    element("script", "static/words.js"),
  ]).then((tried) => tried.map((one) => one.status));
}"""


def test_nothing_can_be_changed(serve: Serve) -> None:
    served = serve(LAB)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"):
        assert ask(served, "/", method) == (405, "Nothing can be changed here.")
    for path in (
        "/static/../run.py",
        "/static/%2e%2e/run.py",
        "/static//etc/passwd",
        "/etc/passwd",
    ):
        assert ask(served, path)[0] == 404
    for query in ("capture=-1", "capture=99", "packet=x", f"step={'9' * 500}", "packet=²"):
        assert ask(served, "/play?" + query.replace("²", "%C2%B2"))[0] == 200


def test_the_policy(serve: Serve) -> None:
    served = serve(LAB)
    for path in ("/", "/play", "/zmq.pcap", "/zmq.html", "/static/main.js", "/nowhere", "/events"):
        connection = http.client.HTTPConnection("127.0.0.1", served.port)
        connection.request("GET", path)
        reply = connection.getresponse()
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "connect-src 'self'" in policy and "*" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "frame-ancestors 'none'" in policy
        assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in reply.headers
        connection.close()


# --- what a capture may say ------------------------------------------------------------------


def corpus() -> bytes:
    """Every attack of the tests, as a capture, from each kind of peer."""
    packets: list[bytes] = []
    port = 1024
    large = ("500", "many", "without end", "largest")
    pairs = ("REQ", "REP", 5555), ("SUB", "PUB", 12345), ("PULL", "PUSH", 9999)
    for us, them, server in (*pairs, ("DEALER", "ROUTER", 7)):
        for side, name in ((0, us), (1, them)):
            for attack, connections in hostile.attacks(name).items():
                if any(word in attack for word in large):
                    continue
                for said in connections()[:3]:
                    port += 1
                    talk = Talk((bytes((10, 0, 0, 2)), port), (bytes((10, 0, 0, 3)), server)).open()
                    talk.say(1 - side, hostile.handshake(them if side == 0 else us))
                    talk.say(side, *(said[at : at + 1400] for at in range(0, len(said), 1400)))
                    packets += talk.close().packets
    shown = Talk().shake(b"REQ" + hostile.TEXT, b"<b>REP</b>")
    shown.say(0, ready(b"<i>", hostile.TEXT), frame(b"", 1) + frame(hostile.TEXT))
    return pcap(packets + shown.packets)


def test_the_hostile_corpus_in_a_real_browser(
    serve: Serve, browser: Browser, tmp_path: Path
) -> None:
    name = "<img src=x onerror=alert(1)>.pcap"
    (tmp_path / name).write_bytes(corpus())
    served = serve(name)
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    dialogs: list[object] = []
    urls: set[str] = set()
    page.on("dialog", lambda dialog: dialogs.append(dialog))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda asked: urls.add(asked.url))
    opened(page, served.url)
    kinds = "() => [...new Set([...document.querySelectorAll('*')].map((e) => e.tagName))].sort()"
    before = set(page.evaluate(kinds))
    page.keyboard.press("End")
    status(page, "the end of the capture")
    tabs = page.get_by_role("tab")
    assert tabs.count() > 100
    for at in range(0, tabs.count(), 5):
        tabs.nth(at).click()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    tabs.first.click()
    alert = "<script>alert(1)</script><img src=x>"
    page.get_by_role("option", name=alert).last.click()
    expect(page.get_by_role("region", name="Bytes")).to_contain_text(alert)
    ours = {"svg", "g", "path", "rect", "text", "LI", "TR", "TH", "TD", "B", "SPAN", "BUTTON"}
    assert set(page.evaluate(kinds)) - before <= ours | {"OPTION"}
    assert page.evaluate("document.querySelectorAll('img, body script, [onerror]').length") == 0
    assert not set("\x1b\x07\u202e") & set(page.content())
    assert (wrong, dialogs) == ([], [])
    assert all(url.startswith(served.url) for url in urls)
    context.close()


def test_a_capture_that_is_damaged_says_so(serve: Serve, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "cut.pcap").write_bytes(LAB.read_bytes()[:-7])
    page = browser.new_page()
    opened(page, serve("cut.pcap").url)
    page.keyboard.press("End")
    status(page, "the capture is cut short in packet 70")
    page.close()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["none.pcap"], "none.pcap: No such file or directory"),
        (["empty.pcap"], "empty.pcap: empty: nothing was captured, or tcpdump has not ended yet"),
        (["text.pcap"], "text.pcap: a text, not a capture"),
        (["tcp.pcap"], "tcp.pcap: no ZMTP in its 3 packets"),
        (["."], ".: it is played again and again: it needs a file"),
        (["--serve=http"], "--serve=http: not a port, such as 8080"),
        (["--serve=0"], "--serve=0: not a port, such as 8080"),
        (["--serve=example.org:80"], "--serve=example.org:80: not a port, such as 8080"),
        (["--live", "lo", "-w", "/nowhere/x.pcap"], "/nowhere/x.pcap: No such file or directory"),
    ],
)
def test_what_cannot_be_shown_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pcap").touch()
    (tmp_path / "text.pcap").write_text("a text")
    (tmp_path / "tcp.pcap").write_bytes(Talk().open().capture)
    done = wirezmq("--serve=18999", *arguments, cwd=tmp_path)
    assert done.stderr == f"wirezmq.py: {said}\n"
    assert done.returncode == 2


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = wirezmq(f"--serve={port}", LAB, cwd=tmp_path)
    assert done.stderr == (
        f"wirezmq.py: port {port}: Address already in use: take another, --serve=PORT\n"
    )
    assert done.returncode == 2


def test_without_its_libraries_it_says_which(tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text("raise ImportError('no', name='jinja2')")
    for option in ("--serve", "--html=x.html"):
        done = wirezmq(LAB, option, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
        name = option.partition("=")[0]
        assert done.stderr == (
            f"wirezmq.py: {name}: this needs jinja2: pip install it, or run zmq-wire, "
            "the container that has it\n"
        )
        assert done.returncode == 2
    story = wirezmq(LAB, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (story.returncode, story.stderr) == (0, "")


# --- many, slow and busy ---------------------------------------------------------------------


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
    wait_for(lambda: all(listener.totals["PUB-SUB"] >= MESSAGES for listener in listeners))
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
