"""Marks the packet by which TCP acknowledges a job.

That is the first one from the worker whose acknowledgment number lies behind the job (RFC 9293,
3.4). It says that the worker's machine has the bytes, and nothing of the work.
"""

from collections import deque

from capture.packet import Packet
from grade import mistakes
from grade.form import Form, numbers
from grade.mistakes import NAMES, Mistake
from grade.packets import Packets
from story.model import Connection, Event
from story.reader import Segment
from story.story import Story

WAITING = 1000  # jobs of a direction that were not acknowledged, and directions


class Acknowledged:
    """Looks for the packets that acknowledge jobs."""

    def __init__(self, form: Form, packets: Packets) -> None:
        self.packets = packets
        self.named = numbers(form.answers.get("job_ack", ""))
        packets.ask(self.named)
        self.waiting: dict[bytes, deque[int]] = {}  # direction of ACKs -> numbers behind the jobs
        self.last: dict[bytes, Segment] = {}  # the same -> the last that acknowledged a job
        self.right: set[int] = set()  # of those that are named
        self.first = 0

    def take(
        self, connection: Connection, event: Event, packet: Packet | None, segment: Segment | None
    ) -> None:
        """Take note of a job that a segment completes, None at the end."""
        if segment is None or event.packet != segment.number:
            return
        key = segment.key
        half = (len(key) - 4) // 2
        back = key[half:-4] + key[:half] + key[-2:] + key[-4:-2]
        behind = self.waiting.setdefault(back, deque(maxlen=WAITING))
        end = (segment.seq + segment.size) % 2**32
        if not behind or behind[-1] != end:  # a segment may hold several jobs
            behind.append(end)
        if len(self.waiting) > WAITING:
            del self.waiting[next(iter(self.waiting))]

    def look(self, segment: Segment) -> None:
        """Take note of what a segment acknowledges."""
        key = segment.key
        waiting = self.waiting.get(key)
        if waiting is None or not segment.acknowledges:
            return
        found = False
        while waiting and (segment.ack - waiting[0]) % 2**32 < 2**31:
            waiting.popleft()
            found = True
        same = self.last.get(key)  # a packet that was captured twice is right both times
        if found or (same and segment[2:] == same[2:]):  # but for its number and its time
            self.last[key] = segment
            self.first = self.first or segment.number
            if segment.number in self.named:
                self.right.add(segment.number)

    def example(self, key: str, story: Story) -> str:
        """Return a packet that would be right, "" if the capture has none."""
        return str(self.first or "")

    def mistake(self, key: str, given: str, story: Story) -> Mistake | None:
        """Return what is wrong with the packet numbers, None if they are right."""
        if not self.named:
            return Mistake(mistakes.NO_NUMBER, key)
        wrong = next((number for number in self.named if number not in self.right), None)
        if wrong is None:
            return None
        if not 0 < wrong <= story.packets:
            return Mistake(mistakes.NOT_THERE, key)
        if sights := self.packets.held(wrong):
            kind = NAMES.get(sights[-1].kind, sights[-1].kind)
            return Mistake(mistakes.TAKEN, key, "{kind}", kind)
        what = self.packets.tcp.get(wrong)
        return Mistake(
            mistakes.TAKEN, key, mistakes.OTHER_ACK if what == "TCP ACK" else mistakes.NO_ACK
        )
