"""What the story keeps for one TCP connection."""

from collections.abc import Iterator

from story.messages import MessageAssembler
from story.model import Connection, Event
from story.runs import Runs
from tcp.connection import StreamEvent
from zmtp.greeting import Negotiation


class Session:
    """What the story keeps for one TCP connection; the most of it once data came."""

    __slots__ = ("connection", "dialogue", "held", "opening", "runs")

    def __init__(self) -> None:
        self.held: list[tuple[int, StreamEvent]] = []  # before it is known to be ZMTP
        self.connection: Connection | None = None  # once it is
        self.opening: Negotiation | None = None
        self.dialogue: MessageAssembler | None = None
        self.runs: Runs | None = None

    def unfinished(self, sides: tuple[int, ...], number: int, time: float) -> Iterator[Event]:
        """Yield events for the messages of these sides whose end did not come until now."""
        dialogue, opening = self.dialogue, self.opening
        if not dialogue or not opening:
            return
        for side in sides:
            there, size = opening.parsers[side].unfinished()
            before, frames = dialogue.unfinished(side)
            if not there + frames:
                continue
            said = "begin a ZMTP frame" + f" of {size:,} bytes" * bool(size)
            if frames:
                said = f"begin a message, {frames} of its ZMTP frames" + " and a part" * bool(there)
            event = Event(number, time, dialogue.senders[side], "gap", size=before + there)
            event.note = f"{said}, whose end is not in the capture"
            yield event
