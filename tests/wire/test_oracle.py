"""tshark 4.4 as an independent oracle: what it reports of real runs, we report, and no more.

Real sockets talk on loopback, the packets are kept, and both read the same file: every ZMTP
frame has to have the same frame number, kind, size and text."""

import json
import pickle
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq
from zmq.auth.thread import ThreadAuthenticator

from command import wirezmq
from conftest import LIMIT
from live import Live
from wire_packets import CAPTURES

Reader = Callable[[list[str], Path], str]


Found = Counter[tuple[int, str, int, str]]  # frame, kind, bytes, text


SIZES = (0, 1, 255, 256, 100_000)


class Run:
    """Sockets of one run, and its capture."""

    def __init__(self, live: Live, stack: ExitStack) -> None:
        self.live, self.stack, self.ports = live, stack, set[int]()
        self.context = stack.enter_context(zmq.Context())

    def socket(self, kind: int, **options: object) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        self.stack.callback(socket.close, 0)
        socket.rcvtimeo = 1000 * LIMIT  # a test that hangs should fail
        for name, value in options.items():
            setattr(socket, name, value)
        return socket

    def join(self, bound: zmq.Socket[bytes], *others: zmq.Socket[bytes]) -> list[zmq.Socket[bytes]]:
        """Bind the first, connect the others to it, and return all."""
        port = bound.bind_to_random_port("tcp://127.0.0.1")
        self.ports.add(port)
        for socket in others:
            socket.connect(f"tcp://127.0.0.1:{port}")
        return [bound, *others]

    def pair(
        self, bound: int, connected: int, count: int = 1, **options: object
    ) -> list[zmq.Socket[bytes]]:
        """Return a bound socket and those connected to it; options go to all of them."""
        return self.join(*(self.socket(kind, **options) for kind in (bound, *[connected] * count)))


def req_rep(run: Run) -> None:
    rep, req = run.pair(zmq.REP, zmq.REQ)
    for size in SIZES:
        req.send(b"q" * size)
        rep.send(rep.recv().upper())
        req.recv()


def several_frames_through_a_router(run: Run) -> None:
    router, *dealers = run.pair(zmq.ROUTER, zmq.DEALER, 5)
    for number, dealer in enumerate(dealers):
        dealer.send_multipart([b"", b"part %d" % number, b"", b"x" * 300])
        router.send_multipart(router.recv_multipart())
        dealer.recv_multipart()


def many_requesters(run: Run) -> None:
    rep, *reqs = run.pair(zmq.REP, zmq.REQ, 8)
    for number, req in enumerate(reqs):
        req.send_multipart([b"from", b"%d" % number])
        rep.send_multipart(rep.recv_multipart())
        req.recv_multipart()


def pub_sub(run: Run) -> None:
    pub, *subs = run.pair(zmq.XPUB, zmq.SUB, 3)
    pub.xpub_verboser = True  # each subscription is seen, so that none comes too late
    for sub in subs:
        sub.subscribe("WAKTU")
        assert pub.recv() == b"\1WAKTU"
    for number in range(50):
        pub.send(b"WAKTU %d" % number)
        pub.send(b"TANGGAL %d" % number)
    for sub in subs:
        for _ in range(50):
            sub.recv()
    subs[0].unsubscribe("WAKTU")
    assert pub.recv() == b"\0WAKTU"


def push_pull(run: Run) -> None:
    push, *pulls = run.pair(zmq.PUSH, zmq.PULL, 3)
    for job in range(30):
        push.send(pickle.dumps(job))
    poller, got = zmq.Poller(), 0
    for pull in pulls:
        poller.register(pull, zmq.POLLIN)
    while got < 30:
        for pull, _ in poller.poll(1000 * LIMIT):
            pull.recv()
            got += 1


def plain(run: Run) -> None:
    authenticator = ThreadAuthenticator(run.context)
    authenticator.start()
    run.stack.callback(authenticator.stop)
    authenticator.configure_plain(passwords={"siswa": "rahasia"})
    known = {"plain_username": b"siswa", "plain_password": b"rahasia"}
    rep, req = run.join(run.socket(zmq.REP, plain_server=True), run.socket(zmq.REQ, **known))
    req.send(b"Hello")
    rep.send(rep.recv())
    req.recv()


def curve(run: Run) -> None:
    public, secret = zmq.curve_keypair()
    keys = dict(zip(("curve_publickey", "curve_secretkey"), zmq.curve_keypair(), strict=True))
    rep, req = run.join(
        run.socket(zmq.REP, curve_secretkey=secret, curve_server=True),
        run.socket(zmq.REQ, curve_serverkey=public, **keys),
    )
    for size in 5, 300:
        req.send(b"z" * size)
        rep.send(rep.recv())
        req.recv()


def refused_plain(run: Run) -> None:
    authenticator = ThreadAuthenticator(run.context)
    authenticator.start()
    run.stack.callback(authenticator.stop)
    authenticator.configure_plain(passwords={"siswa": "rahasia"})
    wrong = {"plain_username": b"siswa", "plain_password": b"salah"}
    _, req = run.join(run.socket(zmq.REP, plain_server=True), run.socket(zmq.REQ, **wrong))
    refused(req)


def refused_curve(run: Run) -> None:
    authenticator = ThreadAuthenticator(run.context)
    authenticator.start()
    run.stack.callback(authenticator.stop)
    authenticator.configure_curve_callback("*", Nobody())
    public, secret = zmq.curve_keypair()
    keys = dict(zip(("curve_publickey", "curve_secretkey"), zmq.curve_keypair(), strict=True))
    _, req = run.join(
        run.socket(zmq.REP, curve_secretkey=secret, curve_server=True),
        run.socket(zmq.REQ, curve_serverkey=public, **keys),
    )
    refused(req)


def refused(req: zmq.Socket[bytes]) -> None:
    """Wait until a handshake has failed; the next attempt fails as well."""
    failed = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    with req.get_monitor_socket(failed) as monitor:
        assert monitor.poll(1000 * LIMIT)
        req.disable_monitor()


class Nobody:
    """Says which key may come in: none."""

    def callback(self, domain: str, key: bytes) -> bool:
        return False


def many_frames(run: Run) -> None:
    rep, req = run.pair(zmq.REP, zmq.REQ)
    req.send_multipart([b"frame %d" % number for number in range(90)])
    rep.send_multipart(rep.recv_multipart())
    req.recv_multipart()


def heartbeats(run: Run) -> None:
    rep, req = run.pair(zmq.REP, zmq.REQ, heartbeat_ivl=50, heartbeat_ttl=1500)
    req.send(b"Hello")
    rep.send(rep.recv())
    req.recv()
    run.live.wait_for("PONG")


SAID: dict[Callable[[Run], None], tuple[str, ...]] = {
    refused_plain: (
        'HELLO: user "siswa" and a password of 5 bytes, in clear',
        "ERROR: 400 (as libzmq's PLAIN sends it: ^RROR instead of a 5 and ERROR)",
    ),
    refused_curve: ("ERROR: 400",),
    many_frames: ("in 90 ZMTP frames after the empty delimiter",),
    heartbeats: ("PING: time to live 1.5 s", "PONG"),
}


def theirs(output: str) -> Iterator[tuple[int, str, int, str]]:
    """Yield what tshark reports, from its PDML."""
    for packet in ET.fromstring(output).iter("packet"):
        number = int(packet.find(".//field[@name='num']").get("show", ""))  # type: ignore[union-attr]
        for proto in packet.iter("proto"):
            if proto.get("name") != "zmtp":
                continue
            fields = {field.get("name", ""): field for field in proto.iter("field")}

            def show(name: str, fields: dict[str, ET.Element] = fields) -> str:
                return fields[name].get("show", "") if name in fields else ""

            if "zmtp.signature" in fields:
                version = f"{show('zmtp.version.major')}.{show('zmtp.version.minor')}"
                yield number, "greeting", 64, f"{version} {show('zmtp.mechanism')}"
            elif "zmtp.command-name" in fields:
                yield number, "command", int(show("zmtp.length")), show("zmtp.command-name")
            else:
                yield number, "data", int(show("zmtp.length")), show("zmtp.data.text")


def ours(story: str, ports: set[int]) -> Iterator[tuple[int, str, int, str]]:
    """Yield what we report of connections to these ports, from the JSON."""
    for connection in json.loads(story)["connections"]:
        if int(connection["server"].rpartition(":")[2]) not in ports:
            continue
        for event in connection["events"]:
            if event["kind"] == "greeting":
                yield event["packet"], "greeting", 64, f"{event['version']} {event['mechanism']}"
            for part in event.get("parts", ()):
                name, kind = part["text"], "data"
                if part["role"] == "command":
                    kind = "command"
                    if event["kind"] in ("subscribe", "cancel"):
                        name = event["kind"].upper()
                    elif name == "^RROR":  # no name of a command: tshark shows its bytes
                        name, kind = "", "data"
                yield part["packet"], kind, part["size"], name


def agree(folder: Path, name: str, ports: set[int], tshark: Reader) -> Found:
    """Compare both readings of a capture; return ours."""
    hint = ",".join(map(str, sorted(ports)))
    arguments = ["-r", name, "-o", f"zmtp.tcp.port:{hint}", "-Y", "zmtp", "-T", "pdml"]
    for other in "adb", "tplink-smarthome":  # which claim ports 5555 and 9999
        arguments += ["--disable-protocol", other]
    expected = Counter(theirs(tshark(arguments, folder)))
    done = wirezmq(name, "--json", cwd=folder)
    assert done.stderr == ""
    found = Counter(ours(done.stdout, ports))
    # tshark gives the text of a frame only where all of it is printable ASCII: a pickled int or
    # the byte 1 of a subscription has none there, and is compared by number, kind and size.
    silent = {(frame, kind, size) for frame, kind, size, text in expected if not text}
    found = Counter(
        (frame, kind, size, "" if kind == "data" and (frame, kind, size) in silent else text)
        for frame, kind, size, text in found.elements()
    )
    assert found == expected
    return found


@pytest.mark.parametrize(
    "talk",
    [
        req_rep,
        several_frames_through_a_router,
        many_requesters,
        pub_sub,
        push_pull,
        plain,
        refused_plain,
        curve,
        refused_curve,
        many_frames,
        heartbeats,
    ],
)
def test_real_runs_are_read_as_tshark_reads_them(
    loopback_alone: None, talk: Callable[[Run], None], tmp_path: Path, tshark: Reader
) -> None:
    live = Live("-w", tmp_path / "run.pcap")
    with ExitStack() as stack:
        run = Run(live, stack)
        talk(run)
        live.catch_up()
        live.interrupt()
        found = agree(tmp_path, "run.pcap", run.ports, tshark)
    assert found.total() >= 4
    if talk is curve:  # the sockets of pyzmq take MESSAGE for no command, and tshark follows them
        assert wirezmq("run.pcap", cwd=tmp_path).stdout.count("4 encrypted frames") == 2
    story = wirezmq("run.pcap", cwd=tmp_path).stdout
    for what in SAID.get(talk, ()):
        assert what in story


def test_the_lab_is_read_as_tshark_reads_it(tshark: Reader) -> None:
    assert (
        agree(CAPTURES, "lab.pcap", {5555, 9999, 12345}, tshark).total() == 6 + 6 + 12 + 1 + 5 + 5
    )


def test_a_thousand_connections_are_found_by_both(
    loopback_alone: None, tmp_path: Path, tshark: Reader
) -> None:
    live = Live("-w", tmp_path / "run.pcap")
    with zmq.Context(io_threads=1) as context, context.socket(zmq.REP) as rep:
        rep.linger, rep.rcvtimeo = 0, 1000 * LIMIT
        port = rep.bind_to_random_port("tcp://127.0.0.1")
        for begin in range(0, 1000, 50):
            reqs = []
            for number in range(begin, begin + 50):
                req = context.socket(zmq.REQ)
                req.linger, req.rcvtimeo = 0, 1000 * LIMIT
                req.connect(f"tcp://127.0.0.1:{port}")
                req.send(b"%d" % number)
                reqs.append(req)
            for _ in reqs:
                rep.send(rep.recv())
            for number, req in enumerate(reqs, begin):
                assert req.recv() == b"%d" % number
                req.close()
            for _ in reqs:  # what is not read yet, the kernel keeps for a while, not for ever
                live.wait_for(' reply "')
    live.interrupt()
    done = wirezmq("run.pcap", "--all", cwd=tmp_path)
    assert "1,000 ZMTP connections" in done.stdout.splitlines()[0]
    filters = f"zmtp.data.text && tcp.dstport == {port}"
    fields = ["-T", "fields", "-e", "frame.number", "-e", "zmtp.data.text"]
    hint = ["-o", f"zmtp.tcp.port:{port}"]
    theirs = tshark(["-r", "run.pcap", *hint, "-Y", filters, *fields], tmp_path).splitlines()
    ours = [
        f"{line.split()[0]}\t{line.split(chr(34))[1]}"
        for line in done.stdout.splitlines()
        if ' request "' in line
    ]
    assert sorted(ours) == sorted(line.replace(",", "") for line in theirs)
    assert sorted(int(line.split("\t")[1]) for line in ours) == list(range(1000))
