"""Which socket types talk to which, and on which ports of the lab: the only table of them.

The patterns are those of RFC 28 (REQ-REP), 29 (PUB-SUB) and 30 (PUSH-PULL).
"""

# name -> socket types of the side that connects in the lab, and of the side that binds
PATTERNS = {"REQ-REP": ("REQ", "REP"), "PUB-SUB": ("SUB", "PUB"), "PUSH-PULL": ("PULL", "PUSH")}
Ports = dict[int, tuple[str, str]]  # port -> socket types of the client and of the server
PORTS: Ports = {
    5555: PATTERNS["REQ-REP"],
    12345: PATTERNS["PUB-SUB"],
    9999: PATTERNS["PUSH-PULL"],
}
# socket types of 2.0, by their number (RFC 15), which are the first that 3.x knows too
NUMBERED = tuple("PAIR PUB SUB REQ REP DEALER ROUTER PULL PUSH XPUB XSUB".split())
TYPES = (*NUMBERED, *"CLIENT SERVER RADIO DISH GATHER SCATTER PEER CHANNEL STREAM".split())
SUBSCRIBERS, PUBLISHERS = ("SUB", "XSUB"), ("PUB", "XPUB")
# What the specifications let talk to one another (RFC 28, 29, 30, 31, 41, 48 to 52).
FITS = {
    *(("REQ", "REP"), ("REQ", "ROUTER"), ("DEALER", "REP"), ("DEALER", "DEALER")),
    *(("DEALER", "ROUTER"), ("ROUTER", "ROUTER"), ("PUB", "SUB"), ("PUB", "XSUB"), ("XPUB", "SUB")),
    *(("XPUB", "XSUB"), ("PUSH", "PULL"), ("PAIR", "PAIR"), ("CLIENT", "SERVER")),
    *(("RADIO", "DISH"), ("SCATTER", "GATHER"), ("PEER", "PEER"), ("CHANNEL", "CHANNEL")),
}
_NAMES = {types: name for name, types in PATTERNS.items()}
_NAMES |= {types[::-1]: name for types, name in _NAMES.items()}  # whichever side connects


def pattern(client: str, server: str) -> str:
    """Return the name of a pair of socket types: "REQ-REP", "DEALER-?", or "unknown"."""
    if known := _NAMES.get((client, server)):
        return known
    return f"{client or '?'}-{server or '?'}" if client or server else "unknown"


def fit(one: str, other: str) -> bool:
    """Tell whether two socket types may talk to one another."""
    return (one, other) in FITS or (other, one) in FITS


def message_kind(sender: str, receiver: str) -> str:
    """Return what a message from one socket type to another is: "request", "reply", "published",
    "job", "filter" (a subscription, or a message to XPUB), or "message" for any other pair.
    """
    if sender == "REQ" or receiver == "REP":
        return "request"
    if sender == "REP" or receiver == "REQ":
        return "reply"
    if sender in SUBSCRIBERS or receiver in PUBLISHERS:
        return "filter"
    if sender in PUBLISHERS or receiver in SUBSCRIBERS:
        return "published"
    return "job" if sender == "PUSH" or receiver == "PULL" else "message"
