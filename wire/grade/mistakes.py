"""Mistakes by their name: in English for tables and programs, in their language for students."""

from typing import NamedTuple

from output.language import _


def N_(text: str) -> str:
    """Mark a text that is translated where it is said."""
    return text


TAKEN = N_("{what} taken for {key}")
NOT_THERE = N_("a packet that is not there taken for {key}")
NO_NUMBER = N_("no number given for {key}")
ROUND_TRIP = N_("a round trip alone taken for first_reply")
SECONDS = N_("seconds taken for milliseconds in {key}")
OTHER_TIME = N_("another time taken for {key}")
OTHER_REPLY = N_("another reply's time taken for {key}")
NOT_YOURS = {  # what is asked of the request with the student's number, or of its reply
    "request": N_("a request, but not the one with your number"),
    "reply": N_("a reply, but not to the request with your number"),
}
OF_ANOTHER = {
    "request": N_("{key} of a request, but not of the one with your number"),
    "reply": N_("{key} of a reply, but not of that to the request with your number"),
}
HANDSHAKE = N_("TCP handshake counted in {key}")
NO_SYN = N_("first_reply of a connection whose beginning is not in the capture")
ALL_JOBS = N_("all jobs handed out taken for jobs_lost")
UNDER_WAY = N_("the job under way left out of jobs_lost")
OTHER_COUNT = N_("another count taken for jobs_lost")
NO_BEGINNING = N_("jobs_lost of a worker whose beginning is not in the capture")
NO_END = N_("jobs_lost of a worker whose end is not in the capture")

# What was taken for something else: what a packet holds, …
OTHER_DATA, NO_TCP, LATER_REPLY = N_("other data"), N_("no TCP"), N_("a later reply")
ANOTHER, OF, REST = N_("another {kind}"), N_("{kind} of {role}"), N_("the rest of the {kind}")
OTHER_ACK, NO_ACK = N_("the ACK of something else"), N_("what is no ACK alone")
# … a number that stands near it, …
DECIMAL, FLAGS = N_("the decimal size"), N_("the flags")
DELIMITER = N_("the size of the delimiter")
RAW, NEXT = N_("the raw sequence number"), N_("the next sequence number")
ACKNOWLEDGED = N_("the acknowledgment number")
BODY, WHOLE = N_("the size of the text alone"), N_("the length of the whole packet")
# … and what was counted.
REQUESTS, MESSAGES = N_("requests"), N_("requests and replies")
ALL_PACKETS, ONE_WAY = N_("all packets"), N_("one direction alone")
ALL_PORTS, BOTH_WAYS = N_("all ports"), N_("both directions")
SUBSCRIBES, WITH_EMPTY = N_("SUBSCRIBE alone"), N_("packets without data as well")
OTHER_NUMBER = N_("another number")


# What a packet holds: kind of event -> its name, where that is another.
NAMES = {
    "request": N_("request"),
    "reply": N_("reply"),
    "published": N_("message"),
    "message": N_("message"),
    "job": N_("job"),
    "command": N_("command"),
    "encrypted": N_("encrypted frame"),
    "greeting-begun": N_("greeting begun"),
    "command-begun": N_("command begun"),
    "message-begun": N_("message begun"),
}
NAMES |= dict.fromkeys(("ready", "initiate"), "READY")
NAMES |= {kind: kind.upper() for kind in ("subscribe", "cancel", "join", "leave", "error")}


class Mistake(NamedTuple):
    """What is wrong with an answer."""

    text: str  # with {key} and {what}
    key: str = ""
    what: str = ""  # with {kind} and {role}
    kind: str = ""
    role: str = ""

    @property
    def another(self) -> bool:
        """Tell whether it would be right of another request than the student's own."""
        return self.text in (*NOT_YOURS.values(), *OF_ANOTHER.values())

    def __str__(self) -> str:
        """Say it in English, as the table counts it."""
        what = self.what.format(kind=self.kind, role=self.role)
        return self.text.format(key=self.key, what=what)

    def spoken(self) -> str:
        """Say it in the language that is spoken."""
        what = _(self.what).format(kind=_(self.kind), role=self.role) if self.what else ""
        return _(self.text).format(key=self.key, what=what)
