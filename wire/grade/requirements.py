"""What the lab asks a capture to show, for each pattern: found, with its packet, or missing.

`rows(story)` is the table; a capture passes if every row is found.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from capture import BRIDGE
from output.language import _, number, say, spoken
from output.text import losses, nothing, zmtp_count
from safe import Said, printable
from story.model import KINDS, TALK, Connection, Event
from story.story import Story

if TYPE_CHECKING:
    from grade.tasks.task import Task

SCRIPTS = {"REQ-REP": "clientzmq.py", "PUB-SUB": "subzmq.py", "PUSH-PULL": "pullzmq.py"}
MESSAGES = 3  # that a subscriber should get under its topic
# What is asked for; a class has each of them many times.
TCP = Said("TCP handshake")
GREETING, READY = Said("greeting of both"), Said("READY of both")
EXCHANGE = Said("request and its reply")
RECEIVED = Said("{number} messages under that topic", number=MESSAGES)
JOB = Said("job")


class Reason(NamedTuple):
    """Why something is missing, said in the language that is spoken when it is made a text."""

    text: str  # as it stands in the catalogue
    fields: Mapping[str, object] = {}
    absent: bool = False  # it says that something did not pass, which may not be in the capture

    def __str__(self) -> str:
        return _(self.text).format(**self.fields)


class Requirement(NamedTuple):
    """One thing that the lab, or a task, asks for."""

    pattern: str
    asked: str  # in English, to be said by say()
    packets: str  # where it is, "" if it is missing
    cause: str | Reason = ""  # the likely cause, if it is missing


def rows(story: Story) -> list[Requirement]:
    """Return the whole table; of several connections the one that shows most counts."""
    table: list[Requirement] = []
    for pattern, script in SCRIPTS.items():
        here = [c for c in story.connections if c.pattern == pattern and not c.guess]
        tables = [list(_connection(c, pattern, story)) for c in here]
        if not tables:
            cause = _("no such connection: was {script} started while the capture ran?")
            cause = foreign(story) or cause.format(script=script)
            blank = Connection(0, "", "")
            tables = [[row._replace(cause=cause) for row in _connection(blank, pattern, story)]]
        best = max(tables, key=lambda table: sum(bool(row.packets) for row in table))
        if story.expect and pattern == "REQ-REP":  # any connection may hold the text
            holds = [row for rows in tables for row in rows[-1:] if row.packets]
            best[-1:] = holds[:1] or best[-1:]
        table += best
    return table


def foreign(story: Story) -> str:
    """Return why there is nothing of the lab in a capture, "" if there is something."""
    refused = any(connection.refused for connection in story.connections)
    return "" if zmtp_count(story) or refused else nothing(story, BRIDGE)


def task_of(number: int) -> "tuple[Task | None, int]":
    """Return what looks for a programming task in one capture, and the `whole` of its Story.

    Without a task, number 0, that is None and 0.
    """
    if not number:
        return None, 0
    from grade.tasks import TASKS  # with what reads JSON: nothing else needs it
    from grade.tasks.content import WHOLE

    return TASKS[number](), WHOLE


def _connection(connection: Connection, pattern: str, story: Story) -> Iterator[Requirement]:
    """Yield what one connection shows."""
    first, expect = connection.firsts, story.expect

    def row(
        asked: str, why: Callable[[Connection, Story], str], *events: Event | None
    ) -> Requirement:
        packets = [str(event.packet) for event in events if event]
        if len(packets) == len(events):
            return Requirement(pattern, asked, ", ".join(packets))
        return Requirement(pattern, asked, "", why(connection, story))

    yield row(TCP, _no_handshake, *(first.get(kind) for kind in ("syn", "syn-ack", "ack")))
    yield row(GREETING, _no_handshake, first.get("greeting client"), first.get("greeting server"))
    # The client of PLAIN and CURVE says INITIATE instead.
    ready = first.get("ready client") or first.get("initiate client")
    yield row(READY, _no_ready, ready, first.get("ready server"))
    if pattern == "REQ-REP":
        yield row(EXCHANGE, _no_exchange, first.get("request"), first.get("reply"))
        if expect:
            text = printable(expect.encode(errors="replace"))
            asked = Said('request "{text}"', text=text)
            yield row(asked, lambda *_where: _("no request is this text"), connection.expected)
    elif pattern == "PUB-SUB":
        yield row("SUBSCRIBE", _no_handshake, first.get("subscribe"))
        enough = first.get("published") if connection.matched >= MESSAGES else None
        yield row(RECEIVED, _too_few, enough)
    else:
        yield row(JOB, _no_job, first.get("job"))


def _refused(connection: Connection) -> str:
    """Return the cause of all that is missing where no server was, "" where one was."""
    return _("refused: the server was not running") if "refused" in connection.counts else ""


def _no_handshake(connection: Connection, story: Story) -> str:
    """Return why something of a handshake is missing."""
    if refused := _refused(connection):
        return refused
    if connection.late:
        return _("no handshake: the capture was started after the client")
    if lacking := _lacking(connection, story):
        return lacking
    if begun := connection.firsts.get("greeting-begun"):
        said = _("{role} begins its greeting in packet {packet}, and stops")
        return said.format(role=connection.role(begun.sender), packet=begun.packet)
    return _("the capture ended, or the connection broke, before it")


def _no_ready(connection: Connection, story: Story) -> str:
    if "" < connection.version < "3":
        return _("ZMTP {version} has no READY").format(version=connection.version)
    return _no_handshake(connection, story)


def _no_exchange(connection: Connection, story: Story) -> str:
    if "request" in connection.firsts:
        said = _("no reply: the server had stopped, or the capture ended before it")
        return _lacking(connection, story) or said
    said = _("no request was sent while the capture ran")
    return _refused(connection) or _lacking(connection, story) or said


def _too_few(connection: Connection, story: Story) -> str:
    """Return why a subscriber got too few messages."""
    if connection.subscriptions:
        said = _("only {number}: capture longer").format(number=connection.matched)
        return _lacking(connection, story) or said
    said = _("{number} messages, but no SUBSCRIBE says which topic")
    return _refused(connection) or said.format(number=connection.counts.get("published", 0))


def _no_job(connection: Connection, story: Story) -> str:
    said = _("no job was handed to this worker while the capture ran")
    return _refused(connection) or _lacking(connection, story) or said


def _lacking(connection: Connection, story: Story) -> str:
    """Return what of a connection is missing, and why as far as it is known; "" if nothing is."""
    said = _("packets of this connection are not in the capture") if _holes(connection) else ""
    if connection.missing:
        said = (
            spoken()
            .ngettext(
                "{number} byte of this connection is not in the capture",
                "{number} bytes of this connection are not in the capture",
                connection.missing,
            )
            .format(number=number(connection.missing))
        )
    return said and next(losses(story.losses), said)


def _holes(connection: Connection) -> bool:
    """Tell whether something is missing that must have preceded what is there."""
    first = connection.firsts
    steps = [["syn"], ["syn-ack"], ["ack"], ["greeting client", "greeting server"]]
    if connection.version >= "3":
        steps.append(["ready client" if "initiate" not in first else "initiate", "ready server"])
    kinds = [KINDS[kind] for kind in connection.counts]
    later = any(kind.phase == TALK and kind.layer == "ZMTP" for kind in kinds)
    for step in reversed(steps if not connection.late else []):
        there = [kind in first for kind in step]
        if later and not all(there):
            return True
        later = later or any(there)
    return False


def table(
    name: str, found: list[Requirement], story: Story, colour: bool = False, where: bool = True
) -> Iterator[str]:
    """Yield the table of one capture as text, with its packets unless a student is to find them."""
    nowhere = foreign(story)
    held = sum(bool(row.packets) for row in found)
    wide = max(30, *(len(say(row.asked)) for row in found))
    width = max(map(len, (_("found"), _("MISSING")))) + 2
    yield _("{name}: {held} of {all} found").format(name=name, held=held, all=len(found))
    if nowhere:  # the cause of all
        yield f"  {nowhere}"
    for row in found:
        if row.packets:
            many = row.packets.count(",") + 1
            said = spoken().ngettext("packet {numbers}", "packets {numbers}", many)
            mark, said = _("found"), said.format(numbers=row.packets) if where else ""
        else:
            mark, said = _("MISSING"), "" if nowhere else str(row.cause)
        code = "32" if row.packets else "31"
        shown = f"\x1b[{code}m{mark:<{width}}\x1b[0m" if colour else f"{mark:<{width}}"
        yield f"  {row.pattern:<10} {say(row.asked):<{wide}} {shown}{said}".rstrip()


def summary(name: str, found: list[Requirement], story: Story) -> str:
    """Return one line for a capture among many: how much of each pattern is found."""
    said = []
    for pattern in dict.fromkeys(row.pattern for row in found):
        here = [bool(row.packets) for row in found if row.pattern == pattern]
        said.append(f"{pattern} {sum(here)}/{len(here)}")
    verdict = _("complete") if all(row.packets for row in found) else _("MISSING")
    if story.expect:
        held = any(connection.expected for connection in story.connections)
        said.append(_("text found") if held else _("text MISSING"))
    return f"{verdict:<8}  {'  '.join(said)}  {name}"
