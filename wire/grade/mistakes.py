"""Mistakes by their name: in English for tables and programs, in their language for students."""

from typing import NamedTuple

from output.language import _


def N_(text: str) -> str:
    """Mark a text that is translated where it is said."""
    return text


TAKEN = N_("{what} taken for {key}")
NOT_THERE = N_("a packet that is not there taken for {key}")
NO_NUMBER = N_("no number given for {key}")
OTHER_REPLY = N_("another reply's time taken for round_trip")
SECONDS = N_("seconds taken for milliseconds in round_trip")
HANDSHAKE = N_("TCP handshake counted in round_trip")
OTHER_TIME = N_("another time taken for round_trip")
ALL_JOBS = N_("all jobs handed out taken for jobs_lost")
UNDER_WAY = N_("the job under way left out of jobs_lost")
OTHER_COUNT = N_("another count taken for jobs_lost")
NO_BEGINNING = N_("jobs_lost of a worker whose beginning is not in the capture")
NO_END = N_("jobs_lost of a worker whose end is not in the capture")

# What a packet holds that was taken for something else.
LATER_REPLY, OTHER_DATA, NO_TCP = N_("a later reply"), N_("other data"), N_("no TCP")
ANOTHER, OF = N_("another {kind}"), N_("{kind} of {role}")


class Mistake(NamedTuple):
    """What is wrong with an answer."""

    text: str  # with {key} and {what}
    key: str = ""
    what: str = ""  # with {kind} and {role}
    kind: str = ""
    role: str = ""

    def __str__(self) -> str:
        """Say it in English, as the table counts it."""
        what = self.what.format(kind=self.kind, role=self.role)
        return self.text.format(key=self.key, what=what)

    def spoken(self) -> str:
        """Say it in the language that is spoken."""
        what = _(self.what).format(kind=self.kind, role=self.role) if self.what else ""
        return _(self.text).format(key=self.key, what=what)
