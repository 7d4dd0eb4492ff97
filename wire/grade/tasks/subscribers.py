"""Who subscribes, who asks for what was missed, and what the two show together."""

from dataclasses import dataclass, field

from grade.requirements import Reason
from grade.tasks import reasons as why
from grade.tasks.content import Refused, content, shown, text
from grade.tasks.series import Series
from grade.tasks.task import Finding
from story.model import Event


@dataclass(slots=True)
class Subscriber:
    """One connection on which messages are published."""

    host: str
    subscribe: int = 0  # packet of its SUBSCRIBE, 0 if there is none
    series: Series = field(default_factory=lambda: Series(newest=False))
    wrong: Reason | None = None  # with one of its messages

    def take(self, event: Event) -> None:
        """Take what is published to it."""
        try:
            if not self.series.add(text(event), event.packet):
                raise Refused(event, why.NO_NUMBER, text=shown(text(event)))
        except Refused as refused:
            self.wrong = self.wrong or refused.reason


@dataclass(slots=True)
class Asked:
    """A request for what was missed, and its reply."""

    host: str
    request: int  # packet
    begin: int  # the number from which on it asks
    reply: int = 0  # packet, 0 if there is none
    series: Series = field(default_factory=lambda: Series(newest=True))
    wrong: Reason | None = None  # with the reply

    def take(self, event: Event) -> None:
        """Take the reply."""
        self.reply = event.packet
        try:
            found = content(event)
            if not isinstance(found, list):
                raise Refused(event, why.NO_LIST)
            for each in found:
                said = each if isinstance(each, str) else "…"
                if not self.series.add(said, event.packet):
                    raise Refused(event, why.LIST_NUMBER, text=shown(said))
        except Refused as refused:
            self.wrong = refused.reason

    def flaw(self) -> Reason | None:
        """Return what is wrong with the list, None if it is whole."""
        if self.begin != 1:
            return Reason(why.NOT_FROM_1, {"packet": self.request, "begin": self.begin})
        if not self.series.count:
            return Reason(why.EMPTY, {"packet": self.reply})
        if self.series.first != 1:
            return Reason(why.NOT_FIRST, {"packet": self.reply, "first": self.series.first})
        return self.series.flaw

    def after(self, received: Series) -> Reason | None:
        """Return what is wrong with what was received beside the list, None if nothing is."""
        last = self.series.last
        fields = {"packet": self.reply, "last": last, "first": received.first}
        if received.count and received.first > last + 1:
            return Reason(why.BETWEEN, fields, absent=True)
        if received.flaw or received.last <= last:
            return received.flaw or Reason(why.NO_LATER, fields, absent=True)
        if (number := self.series.differs(received)) is not None:
            return Reason(why.OTHER_TEXT, {"number": number, "packet": self.reply})
        return None


def shows(one: Subscriber, asked: Asked | None, none: Reason | None = None) -> list[Finding]:
    """Return what a subscriber and a list show, in the order of Snapshot.asked.

    `none`: why there is no list.
    """
    series, nothing = one.series, Reason(why.NOTHING, absent=True)
    first: Finding = [series.packets[0]] if series.count else one.wrong or nothing
    late = first
    if series.count and series.first <= 1:
        late = Reason(why.FROM_FIRST, {"host": one.host, "first": series.first})
    if asked is None or not asked.reply or asked.wrong:
        if asked:
            none = asked.wrong or Reason(why.NO_LIST_YET, {"packet": asked.request}, absent=True)
        return [one.wrong or first, late, *[none or nothing] * 4]
    before: Finding = [one.subscribe, asked.reply]
    if not one.subscribe:
        before = Reason(why.NO_SUBSCRIBE, absent=True)
    elif one.subscribe > asked.reply:
        fields = {"reply": asked.reply, "subscribe": one.subscribe}
        before = Reason(why.SNAPSHOT_FIRST, fields)
    pair: Finding = [asked.request, asked.reply]
    last = asked.after(series) or list(series.packets)
    return [one.wrong or first, late, pair, before, asked.flaw() or [asked.reply], last]
