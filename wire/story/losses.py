"""What of a capture could not be told: one record, which output/words.py says for every output."""

from dataclasses import dataclass, field

from tcp.assembler import FOLLOWED

__all__ = ["CONNECTIONS", "FOLLOWED", "REFUSED", "Losses"]


REFUSED = 1000  # pairs of client and server whose refused attempts are told
CONNECTIONS = 12_000  # connections that are kept


@dataclass(slots=True)
class Losses:
    """What was lost on the way from the interface to the story, and why; all zero if nothing."""

    dropped: int = 0  # packets that the kernel dropped, since the capture was too slow
    cut: int = 0  # packets cut by the snap length
    fragments: int = 0  # fragments of IP packets whose other parts are not there
    links: dict[int, int] = field(default_factory=dict)  # link type that is not read -> packets
    unread: dict[str, int] = field(default_factory=dict)  # what is not unwrapped -> packets
    evicted: int = 0  # TCP connections lost sight of, since more than FOLLOWED were open
    left_out: dict[str, int] = field(default_factory=dict)  # pattern -> connections not kept
    unheard: int = 0  # refused attempts of more than REFUSED clients
    back: tuple[int, float] | None = None  # the clock was first set back: packet, seconds
    together: int = 0  # from this packet on like messages are told together, as they are many
