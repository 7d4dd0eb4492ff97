"""Packets off an interface: each once, as it was on the wire, in networks of the tests' own."""

import json
import struct
import sys
from typing import Any

import pytest

from capture.interface import BLOCK, BLOCKS, program
from capture.spool import SNAP
from command import as_nobody
from conftest import run
from live import Namespace

# Python that listens on an interface, says so, does what it is told, and then prints what came:
# link type; of each packet time, bytes, length; received, dropped.
LISTEN = """
import json, select, socket, struct, sys, time
sys.path.insert(0, "wire")
from capture.interface import Ring

ring = Ring(sys.argv[1], int(sys.argv[2]))
before = time.time_ns()
exec(sys.argv[3])
after = time.time_ns()
ring.stop()
found = []
while ring.ready() or select.select([ring], [], [], 0.2)[0]:
    found += [(time, bytes(data).hex(), length) for time, data, length in ring.packets()]
    ring.release()
ring.count()
assert all(before <= time <= after for time, _, _ in found)
print(json.dumps([ring.link, found, ring.received, ring.dropped]))
ring.close()
"""
# Sends frames of Ethernet from an interface.
SEND = """
def send(interface, *frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        for each in frames:
            raw.send(each)
"""


def heard(
    namespace: Namespace, interface: str, doing: str, port: int = 0
) -> tuple[int, list[tuple[bytes, int]], int, int]:
    """Return link type, bytes and length of the packets that come meanwhile, received, dropped."""
    link, found, received, dropped = json.loads(
        namespace.python(LISTEN, interface, str(port), SEND + doing)
    )
    return link, [(bytes.fromhex(data), length) for _, data, length in found], received, dropped


@pytest.fixture
def pair(namespace: Namespace) -> Namespace:
    """Two interfaces, left and right: what one sends the other gets. IPv6 would have greeted."""
    for word in "all", "default":
        namespace.run("sysctl", "-w", f"net.ipv6.conf.{word}.disable_ipv6=1")
    namespace.run(*"ip link add left type veth peer name right".split())
    for name in "left", "right":
        namespace.run("ip", "link", "set", name, "up")
    return namespace


def test_the_loopback_gives_each_packet_once(namespace: Namespace) -> None:
    doing = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    for number in range(20):
        udp.sendto(b"number %d." % number, ("127.0.0.1", 9))
"""
    link, found, received, dropped = heard(namespace, "lo", doing)
    said = [data[42:] for data, _ in found if data[23] == 17]  # not what ICMP answers
    assert said == [b"number %d." % number for number in range(20)]
    assert (link, received, dropped) == (1, len(found), 0)


def test_what_was_sent_before_it_listens_does_not_come(pair: Namespace) -> None:
    _, found, received, _ = heard(pair, "right", "pass")
    assert (found, received) == ([], 0)


FRAME = bytes(range(12)) + b"\x08\x00" + b"payload of fifty bytes and some more, so that it is"


def test_the_wire_length_of_what_is_cut(pair: Namespace) -> None:
    """A packet of the loopback may be longer than its MTU: TCP leaves it to the interface."""
    pair.run(*"ip link set left mtu 9000".split())
    pair.run(*"ip link set right mtu 9000".split())
    doing = f"send('left', {FRAME!r} + bytes(8000), {FRAME!r})"
    _, found, _, _ = heard(pair, "right", doing)
    assert found == [(FRAME + bytes(8000), len(FRAME) + 8000), (FRAME, len(FRAME))]


@pytest.mark.parametrize("protocol", [0x8100, 0x88A8])
def test_a_vlan_tag_that_the_kernel_took_out_is_there(protocol: int, pair: Namespace) -> None:
    tagged = FRAME[:12] + struct.pack("!HH", protocol, 0x2005) + FRAME[12:]
    double = FRAME[:12] + struct.pack("!HHHH", protocol, 7, 0x8100, 5) + FRAME[12:]
    _, found, _, _ = heard(pair, "right", f"send('left', {tagged!r}, {FRAME!r}, {double!r})")
    assert found == [(each, len(each)) for each in (tagged, FRAME, double)]


def test_both_ways_are_heard(pair: Namespace) -> None:
    _, found, _, _ = heard(pair, "left", f"send('left', {FRAME!r}); send('right', {FRAME!r})")
    assert len(found) == 2


def test_a_bridge_gives_what_passes_between_its_ports(namespace: Namespace) -> None:
    for line in (
        "link add middle type bridge",
        "link add left type veth peer name left-port",
        "link add right type veth peer name right-port",
        "link set left-port master middle",
        "link set right-port master middle",
        *(f"link set {name} up" for name in ("middle", "left", "right", "left-port", "right-port")),
    ):
        namespace.run("ip", *line.split())
    # To an address that is not the bridge's; of a kind that no firewall looks into.
    frame = b"\x02\0\0\0\0\x09" + FRAME[6:12] + b"\x88\xb5" + FRAME[14:]
    # A port forwards once the bridge has learned to trust it, and says so.
    doing = f"""
import os
while open("/sys/class/net/middle/brif/left-port/state").read() != "3\\n":
    time.sleep(0.05)
while open("/sys/class/net/middle/brif/right-port/state").read() != "3\\n":
    time.sleep(0.05)
send('left', {frame!r})
"""
    _, found, _, _ = heard(namespace, "middle", doing)
    assert (frame, len(frame)) in found


TUN = """
import fcntl, os
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"tun0", 0x1001))  # TUNSETIFF, IFF_TUN
"""


def test_a_tunnel_has_ip_alone(namespace: Namespace) -> None:
    """It has no Ethernet: the header is that of Linux, with the protocol."""
    namespace.run(*"ip tuntap add tun0 mode tun".split())
    namespace.run(*"ip addr add 10.9.9.1/24 dev tun0".split())
    namespace.run(*"ip link set tun0 up".split())
    packet = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, bytes((10, 9, 9, 2)), bytes((10, 9, 9, 1))
    ) + bytes((0, 9, 0, 9, 0, 8, 0, 0))
    doing = TUN + f"os.write(tun, {packet!r})\ntime.sleep(0.1)"
    link, found, _, _ = heard(namespace, "tun0", doing)
    cooked = struct.pack("!HHH8xH", 0, 65534, 0, 0x0800) + packet
    assert link == 113
    assert (cooked, len(cooked)) in found


PORTS = """
for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    for port in ports:
        with socket.create_server((address, port), family=family) as listener:
            with socket.create_connection((address, port)) as asked:
                asked.send(b"%d" % port)
                with listener.accept()[0] as accepted:
                    assert accepted.recv(9) == b"%d" % port
"""


def test_a_port_is_left_out(namespace: Namespace) -> None:
    doing = "ports = 8080, 8081" + PORTS
    _, found, received, _ = heard(namespace, "lo", doing, 8080)
    data = b"".join(data for data, _ in found)
    assert data.count(b"8081") == 2 and b"8080" not in data
    assert received == len(found)
    _, found, _, _ = heard(namespace, "lo", doing)
    assert b"".join(data for data, _ in found).count(b"8080") == 2


def test_what_comes_while_nothing_is_read_is_counted(namespace: Namespace) -> None:
    doing = """
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    for number in range(1500):
        udp.sendto(bytes(60000), ("127.0.0.1", 9))
"""
    _, found, received, dropped = heard(namespace, "lo", doing)
    large = [length for _, length in found if length > 60000]
    assert dropped > 0
    assert len(found) + dropped == received
    assert BLOCK * BLOCKS * 0.8 < len(large) * 60000 <= BLOCK * BLOCKS


def execute(code: bytes, packet: bytes, way: int = 0) -> int:
    """Run a program of the classic BPF as the kernel does; return how many bytes pass."""
    accumulator = index = at = 0
    while True:
        what, same, other, value = struct.unpack_from("HBBI", code, at * 8)
        at += 1
        if what == 0x06:
            return int(value)
        if what == 0x15:
            at += same if accumulator == value else other
            continue
        if what == 0x30 and value == 0xFFFFF004:
            accumulator = way
            continue
        where, size = value + index * (what == 0x48), 1 if what in (0x30, 0xB1) else 2
        if where + size > len(packet):
            return 0
        found = int.from_bytes(packet[where : where + size])
        if what == 0xB1:
            index = (found & 15) * 4
        else:
            accumulator = found


def tcp_packet(source: int, target: int, version: int = 4, protocol: int = 6) -> bytes:
    ports = struct.pack("!HH", source, target)
    if version == 4:
        return bytes(12) + b"\x08\x00\x45" + bytes(8) + bytes((protocol,)) + bytes(10) + ports
    return bytes(12) + b"\x86\xdd" + bytes(6) + bytes((protocol,)) + bytes(33) + ports


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("loopback", [False, True])
def test_the_program(version: int, loopback: bool) -> None:
    code = program(loopback, 8080)
    for source, target, passes in (80, 8080, False), (8080, 80, False), (80, 81, True):
        packet = tcp_packet(source, target, version)
        assert execute(code, packet) == SNAP * passes
        assert execute(program(loopback, 0), packet) == SNAP
        assert execute(code, tcp_packet(source, target, version, 17)) == SNAP  # UDP
        assert execute(code, packet, way=4) == SNAP * (passes and not loopback)


def test_an_interface_that_is_not_there() -> None:
    script = "import sys; sys.path.insert(0, 'wire'); import capture.interface as i; i.Ring('none')"
    said: Any = run("sudo", sys.executable, "-c", script).stderr.splitlines()[-1]
    assert "NoInterface: no such interface: there are lo" in said


def test_no_right_to_capture() -> None:
    done = as_nobody("--live", "lo")
    assert done.stderr == "wirezmq.py: lo: no right to capture: run it as root (sudo)\n"
    assert done.returncode == 2
