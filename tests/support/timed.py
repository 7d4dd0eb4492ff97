"""Captures of the lab in which packets come at times of their own."""

from pathlib import Path

from wire_packets import Side, Talk, frame, pcap

PUB, PUSH, REP = ((bytes((10, 0, 0, at)), port) for at, port in ((3, 12345), (4, 9999), (2, 5555)))


def host(number: int, port: int = 40000) -> Side:
    return bytes((10, 0, 1, number)), port


def written(path: Path, *timed: tuple[float, list[bytes]]) -> None:
    """Write a capture of packets at these times, in seconds; those of one come 1 ms apart."""
    packets = [(at + 0.001 * n, data) for at, some in timed for n, data in enumerate(some)]
    path.write_bytes(pcap([data for _, data in packets], times=[at for at, _ in packets]))


def said(talk: Talk, side: int, *payloads: bytes) -> list[bytes]:
    """Return the packets of what a side says."""
    before = len(talk.packets)
    return talk.say(side, *payloads).packets[before:]


def workers(count: int, jobs: int) -> list[Talk]:
    talks = [Talk(host(at), PUSH).shake(b"PULL", b"PUSH") for at in range(1, count + 1)]
    for number in range(jobs):
        talks[number % count].say(1, frame(b"\x80\x04K%c." % (number % 5 + 1)))
    return talks
