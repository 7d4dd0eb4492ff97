"""What passes on an interface, told as it happens."""

import argparse
import os
import signal
import sys
from time import time_ns
from types import FrameType

from capture import BRIDGE
from capture.files import reason
from capture.interface import empty, kind_of
from capture.packet import CaptureError, Packet
from capture.recorder import Recorder, Totals
from capture.spool import PcapngFollower
from cli.terminal import colour, complain
from output.text import heading, rows
from safe import printable
from story.model import New
from story.story import Story

LOOK = 100  # milliseconds between two looks whether something has waited too long
MANY = 10_000  # packets that are still to be told at Ctrl-C, of which one likes to know


def run(options: argparse.Namespace) -> int:
    """Tell what passes on an interface until Ctrl-C, and keep it in a file if one is given."""
    interface = options.live or BRIDGE
    try:
        kind_of(interface)
        recorder = Recorder(interface, options.w, passing=not options.w)
    except CaptureError as error:
        return complain(interface, str(error))
    except OSError as error:
        return complain(options.w or interface, reason(error, options.w or "."))
    try:
        return Live(interface, recorder, Story(ports=options.ports, keep=False)).tell(options.w)
    finally:
        recorder.end()


class Live:
    """Tells what a recorder takes from an interface."""

    def __init__(self, interface: str, recorder: Recorder, story: Story) -> None:
        self.interface, self.recorder, self.story = interface, recorder, story
        self.name = printable(os.fsencode(interface))
        self.colour, self.known = colour(), 0  # connections whose heading is told
        self.begun = self.pressed = False
        self.wrong = ""

    def tell(self, path: str | None) -> int:
        """Tell until Ctrl-C, and then to the end of what came before it; return the exit code."""
        follower = PcapngFollower(release=not path)
        signal.signal(signal.SIGINT, self._press)
        try:
            for what in self.recorder.follow(follower, LOOK):
                if isinstance(what, Packet):
                    self._say(self.story.feed(what))
                elif what is None:
                    self._say(self.story.overdue(time_ns()))
                    sys.stdout.flush()
                else:
                    self._hear(what)
            self._say(self.story.end())
            sys.stdout.flush()
        except KeyboardInterrupt:  # once more: what is not read by now holds up nothing
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self.recorder.end()
        told, dropped = self.story.packets, self.story.dropped
        totals = self.recorder.totals or Totals(told, told + dropped, dropped)
        print(f"\n{totals}", file=sys.stderr)
        if left := totals.captured - told:
            print(f"{left} of them are not told any more", file=sys.stderr)
        return complain(path or self.interface, self.wrong) if self.wrong else 0

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
        self.recorder.stop()

    def _hear(self, line: str) -> None:
        """Say what the recorder says about itself."""
        what, _, more = line.partition(" ")
        said = ""
        if what == "live" and not self.begun:
            self.begun, said = True, f"live from {self.name}, Ctrl-C ends it"
            if empty(self.interface):
                said += "\nno container is on it: waiting for the lab to come up"
        elif what == "live":
            said = f"{self.name} is there"
        elif what == "waiting":
            said = f"{self.name} is not there: waiting for it"
        elif what == "dropped":
            self.story.dropped = int(more)
            said = f"{more} packets dropped by kernel so far: what they carried is not told"
        elif what == "ended:":
            self.wrong = f"the capture ended: {more}"
        elif self.pressed and self.recorder.totals:
            left = self.recorder.totals.captured - self.story.packets
            if left > MANY:
                said = f"telling the last {left} packets, Ctrl-C ends at once"
        if said:
            print(said, file=sys.stderr, flush=True)

    def _say(self, new: New) -> None:
        for connection, event in new:
            if event.kind == "refused":  # ten a second, while no server runs
                times = connection.counts["refused"]
                if str(times).strip("0") != "1":
                    continue
                event.note = f"{times} so far"
            if connection.number > self.known:
                self.known = connection.number
                print(f"[{self.known}] {heading(connection)}")
            for row in rows(connection, [event], self.colour):
                print(f"[{connection.number}] {row}")
