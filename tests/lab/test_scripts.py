"""The six scripts on loopback, without an engine: what they print for each kind of input."""

import ast
import io
import os
import pickle
import platform
import re
import signal
import sys
import time
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import zmq

from conftest import LIMIT, ROOT, Script, asleep, press_ctrl_c, run, wait_for

SCRIPTS = {
    "rep/serverzmq.py": "REP server",
    "req/clientzmq.py": "REQ client",
    "pub/pubzmq.py": "PUB publisher",
    "sub/subzmq.py": "SUB subscriber",
    "push/pushzmq.py": "PUSH dispatcher",
    "pull/pullzmq.py": f"Worker {platform.node()}",
}
CODE = {"rep": 18, "req": 42, "pub": 20, "sub": 20, "push": 22, "pull": 34}  # lines at most
ALL = {"rep": 32, "req": 60, "pub": 34, "sub": 34, "push": 36, "pull": 50}  # with all between them
Start = Callable[..., Script]


@pytest.fixture
def peer() -> Iterator[Callable[[int], zmq.Socket[bytes]]]:
    """Make bare sockets to face a script."""
    with zmq.Context() as context:
        context.linger = 0
        context.rcvtimeo = 1000 * LIMIT
        yield context.socket


# --- all six ----------------------------------------------------------------------------------


def code_lines(script: str) -> int:
    """Count the lines that are neither docstring, comment nor blank."""
    text = (ROOT / script).read_text()
    docstring = ast.parse(text).body[0]
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            found |= set(range(token.start[0], token.end[0] + 1))
    return len(found - set(range(docstring.lineno, (docstring.end_lineno or 0) + 1)))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_read_in_a_minute(script: str) -> None:
    lines = (ROOT / script).read_text().splitlines()
    folder = script.partition("/")[0]
    assert code_lines(script) <= CODE[folder]
    assert len(lines) <= ALL[folder]
    assert max(map(len, lines)) <= 100
    docstring = ast.get_docstring(ast.parse((ROOT / script).read_text()))
    for word in "Socket:", "tcp://", "Lost:", "Ctrl-C:", "frame":
        assert docstring and word in docstring


def test_the_six_have_150_lines_of_code() -> None:
    assert sum(map(code_lines, SCRIPTS)) <= 150


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_style_and_types(command: str) -> None:
    """All Python here, not only the six."""
    done = run(sys.executable, "-m", *command.split())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_ctrl_c_is_one_clean_line(script: str, start: Start, endpoint: str) -> None:
    running = start(script, ZMQ_ENDPOINT=endpoint)
    running.says("No reply" if script.startswith("req") else endpoint)
    assert running.interrupt() == 0
    assert running.output.endswith(f"\n{SCRIPTS[script]} stopped\n")
    assert running.errors == ""


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("wrong", ["tcp:/x", "", "127.0.0.1:5555"])
def test_an_endpoint_that_is_none(script: str, wrong: str, start: Start) -> None:
    running = start(script, ZMQ_ENDPOINT=wrong)
    assert running.ends() == 1
    assert running.errors.splitlines()[-1].startswith("zmq.error.ZMQError: ")


@pytest.mark.parametrize("script", ["rep/serverzmq.py", "pub/pubzmq.py", "push/pushzmq.py"])
def test_a_port_that_is_taken(script: str, start: Start, endpoint: str) -> None:
    start(script, ZMQ_ENDPOINT=endpoint).says("bound to")
    second = start(script, ZMQ_ENDPOINT=endpoint)
    assert second.ends() == 1
    assert re.fullmatch(
        rf"zmq\.error\.ZMQError: Address already in use \(addr='{endpoint}'\)",
        second.errors.splitlines()[-1],
    )


# --- REQ-REP ----------------------------------------------------------------------------------


def test_server_replies(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    server = start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    client = peer(zmq.REQ)
    client.connect(endpoint)
    for request, reply, line in [
        ([b"Hello"], "World", "Request: 'Hello'"),
        ([b"hello"], "Received: hello", "Request: 'hello'"),
        ([b""], "Received: ", "Request: ''"),
        (["halo, apa kabar? é✓".encode()], "Received: halo, apa kabar? é✓", "kabar? é✓'"),
        ([b"\xff\x00"], "Received: \ufffd\x00", "Request: '�" r"\x00'"),
        ([b"\x1b[31mred\r\n"], "Received: \x1b[31mred\r\n", r"Request: '\x1b[31mred\r\n'"),
        (["\u202eevil".encode()], "Received: \u202eevil", r"Request: '\u202eevil'"),
        ([b"a", b"b", b"c"], "Received: a", "Request: 'a'"),
        ([b"x" * 16384], "Received: " + "x" * 16384, "Request: 'xxx"),
    ]:
        client.send_multipart(request)
        assert client.recv_string() == reply
        server.says(line)
    assert server.interrupt() == 0
    assert server.errors == ""
    lines = server.output.splitlines()
    assert lines[0] == f"REP server bound to {endpoint}"
    assert len(lines) == 1 + 9 + 2  # a line each, an empty one for the ^C, and the last


def test_server_outlives_a_request_over_the_bound(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    server = start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    flood = peer(zmq.DEALER)
    flood.connect(endpoint)
    flood.send_multipart([b"", b"x" * 16385])
    client = start("req/clientzmq.py", "after", ZMQ_ENDPOINT=endpoint)
    assert client.ends() == 0
    assert "Reply: 'Received: after'" in client.output
    assert "xxx" not in server.output


def replies(output: str) -> list[str]:
    """Return the replies that the client printed, and require a round trip behind each."""
    return [
        ast.literal_eval(re.fullmatch(r"Reply: ('.*') \(\d+\.\d\d ms\)", line)[1])  # type: ignore[index]
        for line in output.splitlines()
    ]


@pytest.mark.parametrize(
    ("arguments", "lines", "expected"),
    [
        ([], b"", ["World"]),
        ([], b"satu\ndua", ["World", "Received: satu", "Received: dua"]),
        ([], b"satu\r\n\nnever sent\n", ["World", "Received: satu"]),
        ([], b"a\x1b[0m\n", ["World", "Received: a\x1b[0m"]),
        (
            ["tiga", "", b"\xfe"],
            b"not read\n",
            ["World", "Received: tiga", "Received: ", "Received: ?"],
        ),
        ([], b"x" * 16384 + b"\n", ["World", "Received: " + "x" * 16384]),
    ],
)
def test_client_sends_what_it_is_given(
    arguments: list[str | bytes], lines: bytes, expected: list[str], start: Start, endpoint: str
) -> None:
    start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    client = start("req/clientzmq.py", *arguments, ZMQ_ENDPOINT=endpoint)
    assert client.process.stdin
    client.process.stdin.write(lines)
    assert client.ends() == 0
    assert replies(client.output) == expected
    assert client.errors == ""


def test_client_prompts_on_a_terminal(start: Start, endpoint: str) -> None:
    start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    terminal: Any = pexpect.spawn(
        sys.executable,
        [str(ROOT / "req/clientzmq.py")],
        env=os.environ | {"ZMQ_ENDPOINT": endpoint},
        timeout=LIMIT,
    )
    terminal.expect(rb"Reply: 'World' \(\d+\.\d\d ms\)\r\n> ")
    terminal.sendline("halo")
    terminal.expect(rb"halo\r\nReply: 'Received: halo' \(\d+\.\d\d ms\)\r\n> ")
    press_ctrl_c(terminal, terminal.pid)
    terminal.expect(rb"\r\nREQ client stopped\r\n")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


@pytest.mark.parametrize("key", ["\r", "\x04"], ids=["Enter", "Ctrl-D"])
def test_an_empty_line_ends_the_client(key: str, start: Start, endpoint: str) -> None:
    start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    terminal = pexpect.spawn(
        sys.executable,
        [str(ROOT / "req/clientzmq.py")],
        env=os.environ | {"ZMQ_ENDPOINT": endpoint},
        timeout=LIMIT,
    )
    terminal.expect("> ")
    terminal.send(key)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_client_gives_up_with_one_clear_line(start: Start, endpoint: str) -> None:
    client = start("req/clientzmq.py", ZMQ_ENDPOINT=endpoint)
    assert client.ends() == 1
    assert client.output.splitlines() == [
        f"No reply, attempt {attempt} of 3" for attempt in (1, 2, 3)
    ]
    assert client.errors == f"clientzmq.py: no reply from {endpoint}: is the server running?\n"


def test_client_waits_for_its_server(start: Start, endpoint: str) -> None:
    client = start("req/clientzmq.py", ZMQ_ENDPOINT=endpoint)
    client.says("attempt 1 of 3")
    client.process.send_signal(signal.SIGSTOP)  # it would give up on a machine that takes long
    server = start("rep/serverzmq.py", ZMQ_ENDPOINT=endpoint)
    server.says("bound to")
    client.process.send_signal(signal.SIGCONT)
    assert client.ends() == 0
    *tried, reply = client.output.splitlines()
    assert replies(reply) == ["World"]
    assert tried == [f"No reply, attempt {number} of 3" for number in range(1, len(tried) + 1)]
    assert start("req/clientzmq.py", "last", ZMQ_ENDPOINT=endpoint).ends() == 0
    asked = re.findall("Request: '(.*)'", server.output)
    assert asked == ["Hello", "Hello", "last"]  # what was given up is not sent after all


def test_client_sends_the_same_request_again(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    """A request that is not answered; what is answered too late would be asked again."""
    server = peer(zmq.ROUTER)
    server.bind(endpoint)
    client = start("req/clientzmq.py", "satu", ZMQ_ENDPOINT=endpoint)
    first, _, text = server.recv_multipart()
    client.says("attempt 1 of 3")
    asked = [text]
    while b"satu" not in asked:
        again, delimiter, text = server.recv_multipart()
        asked.append(text)
        reply = [b"World"] if text == b"Hello" else [b"two\x07", b"frames"]
        server.send_multipart([again, delimiter, *reply])
        assert first != again  # another connection, so another socket
    assert client.ends() == 0
    assert asked == [b"Hello", b"Hello", b"satu"]
    assert client.output.splitlines()[0] == "No reply, attempt 1 of 3"
    assert replies("\n".join(client.output.splitlines()[1:])) == ["World", "two\x07"]


# --- PUB-SUB ----------------------------------------------------------------------------------


def test_publisher_tells_time_and_date(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    publisher = start("pub/pubzmq.py", ZMQ_ENDPOINT=endpoint)
    subscriber = peer(zmq.SUB)
    subscriber.subscribe("")
    subscriber.connect(endpoint)
    messages: list[str] = []
    times = []
    while len(messages) < 6:
        (frame,) = subscriber.recv_multipart()
        messages.append(frame.decode())
    for message in messages:
        topic, rest = message.split(" ", 1)
        form = {"WAKTU": "%a %b %d %H:%M:%S %Y", "TANGGAL": "%Y-%m-%d"}[topic]
        times.append((topic, time.strptime(rest, form)))
        publisher.says(f"Published: {message!r}")
    told = [moment for topic, moment in times if topic == "WAKTU"]
    assert len(told) == 3 and told == sorted(set(told))  # a pair each second


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        ([], {"WAKTU"}),
        (["WAKTU"], {"WAKTU"}),
        (["TANGGAL"], {"TANGGAL"}),
        (["TANGGAL", "WAKTU"], {"WAKTU", "TANGGAL"}),
        ([""], {"WAKTU", "TANGGAL"}),
        (["WAK"], {"WAKTU"}),
    ],
)
def test_subscriber_gets_its_topics(
    topics: list[str], expected: set[str], start: Start, endpoint: str
) -> None:
    start("pub/pubzmq.py", ZMQ_ENDPOINT=endpoint, ZMQ_INTERVAL="0.05")
    subscriber = start("sub/subzmq.py", *topics, ZMQ_ENDPOINT=endpoint)
    wait_for(lambda: subscriber.output.count("\nReceived: ") >= 5)
    assert subscriber.interrupt() == 0
    head, *messages, _, last = subscriber.output.splitlines()
    assert head == f"SUB subscriber to {topics or ['WAKTU']} connects to {endpoint}"
    assert {re.match(r"Received: '(\w+) ", message)[1] for message in messages} == expected  # type: ignore[index]
    assert last == "SUB subscriber stopped"


def test_a_late_subscriber_gets_nothing_of_before(start: Start, endpoint: str) -> None:
    publisher = start("pub/pubzmq.py", ZMQ_ENDPOINT=endpoint)
    wait_for(lambda: publisher.output.count("'WAKTU ") >= 2)
    before = re.findall(r"'WAKTU .*'", publisher.output)
    subscriber = start("sub/subzmq.py", ZMQ_ENDPOINT=endpoint)
    subscriber.says("WAKTU ")
    assert not set(before) & set(re.findall(r"'WAKTU .*'", subscriber.output))


def test_a_wrong_topic_gets_nothing(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    publisher = peer(zmq.XPUB)
    publisher.bind(endpoint)
    subscriber = start("sub/subzmq.py", "waktu", ZMQ_ENDPOINT=endpoint)
    assert publisher.recv() == b"\x01waktu"
    for message in b"WAKTU 1", b"TANGGAL 2", b"waktu 3":
        publisher.send(message)
    subscriber.says("3'\n")
    assert subscriber.output.splitlines()[1:] == ["Received: 'waktu 3'"]


def test_subscriber_goes_on_after_bad_messages(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    publisher = peer(zmq.XPUB)
    publisher.bind(endpoint)
    subscriber = start("sub/subzmq.py", "", ZMQ_ENDPOINT=endpoint)
    assert publisher.recv() == b"\x01"
    for frames in [b"\xff\x1b[2J"], [b""], [b"a", b"b"], [b"last"]:
        publisher.send_multipart(frames)
    subscriber.says("last'\n")
    assert subscriber.output.splitlines()[1:] == [
        r"Received: '�\x1b[2J'",
        "Received: ''",
        "Received: 'a'",
        "Received: 'last'",
    ]


# --- PUSH-PULL --------------------------------------------------------------------------------


def test_dispatcher_waits_for_a_worker(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]
) -> None:
    dispatcher = start("push/pushzmq.py", ZMQ_ENDPOINT=endpoint)
    dispatcher.says("waits for a worker\n")
    wait_for(lambda: asleep(dispatcher.process.pid))
    assert "handed out" not in dispatcher.output
    worker = peer(zmq.PULL)
    worker.connect(endpoint)
    jobs = []
    for _ in range(3):
        (frame,) = worker.recv_multipart()
        jobs.append(pickle.loads(frame))  # noqa: S301  # made by our own script
    assert all(type(job) is int and 1 <= job <= 5 for job in jobs)
    wait_for(lambda: re.findall(r"Job of (\d) s", dispatcher.output)[:3] == [*map(str, jobs)])


def test_worker_works(start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]]) -> None:
    dispatcher = peer(zmq.PUSH)
    dispatcher.bind(endpoint)
    worker = start("pull/pullzmq.py", ZMQ_ENDPOINT=endpoint)
    for protocol, job in enumerate([1, 1, 2, 1, 1, 1]):  # as any Python may pickle it
        dispatcher.send(pickle.dumps(job, protocol))
    name = f"Worker {platform.node()}"
    worker.says(f"{name}: job of 2 s .")
    worker.says(f"{name}: job of 2 s .. done\n")
    worker.says(f"{name}: job of 1 s . done\n" * 3)
    dispatcher.send(pickle.dumps(60))
    worker.says(f"{name}: job of 60 s .")
    assert worker.interrupt() == 0  # in the middle of a job
    assert worker.output.count(" done\n") == 6
    assert worker.errors == ""


class Execute:
    """Writes a file when it is unpickled by anything that executes what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def hostile(trap: Path) -> list[list[bytes]]:
    """Return messages that are no job; the trap is a file that executing them would write."""
    call = f"touch {trap}".encode()
    return [
        [b""],
        [b"\xff\x00 not a pickle"],
        [b"3"],
        [pickle.dumps(0)],
        [pickle.dumps(-1)],
        [pickle.dumps(61)],
        [pickle.dumps(2**70)],
        [pickle.dumps(True)],
        [pickle.dumps(True, 0)],
        [pickle.dumps(2.0)],
        [pickle.dumps("5")],
        [pickle.dumps([5])],
        [pickle.dumps(None)],
        [pickle.dumps(3)[:-1]],
        [pickle.dumps(3), pickle.dumps(4)],
        [pickle.dumps(Execute(trap), 0)],
        [pickle.dumps(Execute(trap), 2)],
        [pickle.dumps(Execute(trap), 5)],
        [b"cos\nsystem\n(S'" + call + b"'\ntR."],
        [b"(S'" + call + b"'\nios\nsystem\n."],
        [b"c__builtin__\neval\n(S'1+1'\ntR."],
        [b"I" + b"9" * 60000 + b"\n."],
        [b"I01\n."],
        [b"\x80\x05\x96" + b"\xff" * 7 + b"\x7f."],  # a bytearray of 2**63 bytes
        [b"Nr\xff\xff\xff\x7f."],  # a memo of 2**31 places: 16 GiB
        [b"(" * 60000],
        [b"]" * 30000 + b"a" * 29999 + b"."],
        [b"\x80\xff."],
        [b"P\n."],
        [b"\x82\x01."],
    ]


def test_worker_refuses_what_is_no_job(
    start: Start, endpoint: str, peer: Callable[..., zmq.Socket[bytes]], tmp_path: Path
) -> None:
    trap = tmp_path / "executed"
    dispatcher = peer(zmq.PUSH)
    dispatcher.bind(endpoint)
    worker = start("pull/pullzmq.py", ZMQ_ENDPOINT=endpoint)
    messages = hostile(trap)
    for message in messages:
        dispatcher.send_multipart(message)
    dispatcher.send(pickle.dumps(1))
    worker.says(". done")
    name = f"Worker {platform.node()}"
    assert worker.output.splitlines()[1:-1] == [
        f"{name}: refused what is not one pickled int from 1 to 60"
    ] * len(messages)
    assert not trap.exists()
    peak = Path(f"/proc/{worker.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) < 50_000  # KiB
    assert worker.interrupt() == 0
    assert worker.errors == ""
