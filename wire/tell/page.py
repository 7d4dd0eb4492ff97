"""The story as one HTML page for a report: no script, nothing loaded from elsewhere.

Every text from the capture goes through html.escape, and a Content-Security-Policy forbids the
page to run or to load anything, so no byte of a capture can do more than be read.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import TextIO

from read.events import MESSAGES, Connection, Event
from read.story import Story

from tell.diagram import STYLE, arrow, diagram, safe
from tell.names import host, roles, shorten
from tell.text import closing, heading, remarks
from tell.words import direction, say, span

TEXT = 160  # characters of a text that are shown; its size is given when it is longer
LAST = 20  # rows at the end of a table that are shown, of a connection with more than ROWS
ROWS = 400  # rows of a table: a longer page is of no use in a report
MOST = 500  # connections: a page of more is too long to open
OPEN = 12  # connections that are unfolded; of more than these all are folded

CSS = """
:root { color-scheme: light; --sans: system-ui, "Segoe UI", Roboto, "Liberation Sans",
  "DejaVu Sans", sans-serif; --mono: ui-monospace, Consolas, "DejaVu Sans Mono", Menlo,
  monospace }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 830px; background: #fff;
  color: #1b1f24; font: 15px/1.5 var(--sans) }
h1 { margin: 0; font-size: 26px; line-height: 1.2; overflow-wrap: anywhere }
h2 { margin: 28px 0 8px; font-size: 19px }
summary { cursor: pointer; margin-top: 32px; padding-top: 12px; border-top: 2px solid #1b1f24 }
summary h2 { display: inline; margin: 0 }
details:not([open]) summary { margin-top: 8px; padding-top: 8px; border-top-width: 1px }
p { margin: 6px 0 }
a { color: #0b57a4 }
header span { white-space: nowrap }
.quiet { color: #454d57; font-size: 13px }
code, td.number, .address { font-family: var(--mono); font-size: 12.5px }
.address { overflow-wrap: anywhere }
[id] { scroll-margin-top: 64px }
.mixed { margin: 16px 0; padding: 10px 14px; border: 1px solid #8a929c;
  border-left: 5px solid #1b1f24 }
ul.legend { display: grid; grid-template-columns: repeat(3, auto); gap: 4px 20px;
  margin: 8px 0; padding: 0; list-style: none; font-size: 13px }
ul.legend li { display: flex; align-items: center }
ul.legend svg { flex: none; width: 56px; height: 16px; margin: 0 8px 0 0 }
table { width: 100%; margin: 12px 0; border-collapse: collapse; font-size: 13px;
  line-height: 1.4 }
caption { padding: 4px 0; color: #454d57; text-align: left }
th { padding: 4px 8px; border-bottom: 1.5px solid #1b1f24; text-align: left;
  vertical-align: bottom; font-weight: 600; white-space: nowrap }
td { padding: 3px 8px; border-bottom: 1px solid #d5dade; vertical-align: top;
  unicode-bidi: isolate }
th.number, td.number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums }
td.who { white-space: nowrap }
td.said { overflow-wrap: anywhere }
td.more { color: #454d57; text-align: center }
.layer { display: inline-block; min-width: 46px; padding: 0 5px; border: 1px solid #59636e;
  border-radius: 3px; background: #f1f3f5; font-size: 11.5px; font-weight: 600;
  text-align: center }
.layer-ZMTP { border-color: #0b57a4; background: #e6f0fb }
.layer-capture { border: 1px dashed #8a4b00; background: #fdf3e3 }
figure { margin: 14px 0 }
figure svg + svg { margin-top: 16px }
@page { size: A4; margin: 15mm }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt }
  table { font-size: 8.5pt; line-height: 1.3 }
  td { padding-top: 1.5px; padding-bottom: 1.5px }
  code, td.number, .address { font-size: 8.5pt }
  figure { margin: 8px 0 }
  ul.legend { gap: 2px 12px; font-size: 8.5pt }
  figure svg { max-width: 640px }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  summary { list-style: none }
  h1, h2, summary, caption, thead, .lead { break-after: avoid }
  tr, svg, .mixed, ul.legend { break-inside: avoid }
  thead { display: table-header-group }
  a { color: inherit; text-decoration: none }
  details:not([open]) { display: none }
}
"""
MIXED = (
    "<strong>Three things are easily mixed up.</strong> The TCP handshake (SYN, SYN-ACK, ACK) "
    "only opens a stream of bytes; the ZMTP greeting and READY then agree on a version, a "
    "mechanism and the two socket types; only after that does a first request, subscription or "
    "job pass. The TCP flags PSH and ACK stand on almost every packet that carries data, in "
    "both directions: they say nothing about the pattern."
)
LEGEND = (
    ("tcp", False, "TCP opens, closes"),
    ("zmtp", False, "ZMTP handshake, command"),
    ("message", False, "message, subscription"),
    ("message", True, "run of like messages"),
    ("bad", False, "refused, broken off"),
    ("missing", False, "not in the capture"),
)


def write_page(name: str, story: Story, out: TextIO) -> None:
    """Write the page of a capture to `out`, a file of UTF-8; `name` must be safe to show.

    Times are in seconds since the first packet, as in Wireshark's column. Raises OSError.
    """
    out.write(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(name)} – ZMTP story</title>\n<style>{CSS}{STYLE}</style>\n"
        f"</head>\n<body>\n<header>\n{''.join(summary(name, story))}</header>\n<main>\n"
    )
    names = roles(story.connections)
    for connection in story.connections[:MOST]:
        sides = {
            address: names.get((host(address), connection.role(address)), "")
            for address in (connection.client, connection.server)
        }
        opened = " open" * (len(story.connections) <= OPEN)
        out.writelines(section(connection, sides, opened))
    out.write("</main>\n</body>\n</html>\n")


def summary(name: str, story: Story) -> Iterator[str]:
    """Yield what stands above the connections: the capture, the legend, a list of them."""
    connections = story.connections
    yield f"<h1>{escape(name)}</h1>\n<p>{story.frames:,} frames in {story.seconds:.1f} s"
    if story.start is not None:
        start = datetime.fromtimestamp(story.start // 1_000_000_000, UTC).astimezone()
        yield f", from {start:%Y-%m-%d %H:%M:%S} {escape(start.tzname() or '')}"
    count: dict[str, int] = {}
    for connection in connections:
        count[connection.pattern] = count.get(connection.pattern, 0) + 1
    said = ", ".join(
        f"<span>{number:,} {escape(pattern)}</span>" for pattern, number in count.items()
    )
    yield f"; {len(connections):,} ZMTP connection{'s' * (len(connections) != 1)}"
    yield f": {said}.</p>\n" if said else ".</p>\n"
    yield from (f"<p>{escape(remark)}</p>\n" for remark in remarks(story))
    yield f'<p class="mixed">{MIXED}</p>\n<ul class="legend" aria-label="Legend">\n'
    for look, many, words in LEGEND:
        drawn = arrow(look, 2, 54, 8, many)
        yield f'<li><svg viewBox="0 0 56 16" aria-hidden="true">{drawn}</svg>{words}</li>\n'
    yield (
        '</ul>\n<p class="quiet">Frame: the number of the packet that completes it, as in '
        "Wireshark; of a run, the first and the last. Time: seconds since the first packet.</p>\n"
    )
    if len(connections) > 1:
        yield from contents(connections)
    if len(connections) > OPEN:
        yield '<p class="quiet">They are folded below. Only those that you open are printed.</p>\n'


def contents(connections: list[Connection]) -> Iterator[str]:
    """Yield a table with a line for each connection, which leads to it."""
    yield (
        "<table>\n<caption>Connections</caption>\n<thead><tr>"
        '<th class="number" scope="col">No.</th><th scope="col">Pattern</th>'
        '<th scope="col">Connected from</th><th scope="col">to</th>'
        '<th class="number" scope="col">Frames</th><th class="number" scope="col">Messages</th>'
        "</tr></thead>\n<tbody>\n"
    )
    for connection in connections[:MOST]:
        frames = [event.frame for event in connection.events]
        last = [max(event.frame, event.last_frame) for event in connection.events]
        number = connection.number
        messages = sum(connection.counts.get(kind, 0) for kind in MESSAGES)
        yield (
            f'<tr><td class="number"><a href="#c{number}">{number}</a></td>'
            f"<td>{escape(connection.pattern)}</td>"
            f'<td class="address">{side(connection, connection.client)}</td>'
            f'<td class="address">{side(connection, connection.server)}</td>'
            f'<td class="number">{min(frames, default=0)}–{max(last, default=0)}</td>'
            f'<td class="number">{messages:,}</td></tr>\n'
        )
    yield "</tbody>\n</table>\n"
    if len(connections) > MOST:
        yield f"<p>This page tells the first {MOST} connections.</p>\n"


def side(connection: Connection, address: str) -> str:
    """Return a side of a connection: its role and its address."""
    return escape(f"{connection.role(address)} {address}")


def section(connection: Connection, names: dict[str, str], opened: str) -> Iterator[str]:
    """Yield a connection: heading, diagram, table of its events."""
    number = connection.number
    pattern, _, said = heading(connection).partition(": ")
    ports = " && ".join(f"tcp.port == {at.rpartition(':')[2]}" for at in names)
    yield (
        f"<details{opened}>\n<summary><h2>{number}. {escape(pattern)}</h2>"
        f'</summary>\n<p class="lead address" id="c{number}">{escape(said)}</p>\n'
        f'<p class="lead quiet">In Wireshark: <code>{escape(ports)}</code></p>\n<figure>\n'
    )
    for drawing in diagram(connection, names):
        yield f"{drawing}\n"
    yield (
        "</figure>\n<table>\n<thead><tr>"
        '<th class="number" scope="col">Frame</th><th class="number" scope="col">Time (s)</th>'
        '<th scope="col">Layer</th><th scope="col">From → to</th><th scope="col">What</th>'
        "</tr></thead>\n<tbody>\n"
    )
    events = connection.events
    left_out = len(events) - ROWS
    for event in events if left_out < 2 else events[: ROWS - LAST]:
        yield row(connection, event)
    if left_out >= 2:
        yield f'<tr><td class="more" colspan="5">{left_out:,} more events</td></tr>\n'
        for event in events[-LAST:]:
            yield row(connection, event)
    yield "</tbody>\n</table>\n"
    yield from (f'<p class="quiet">{escape(note.strip())}</p>\n' for note in closing(connection))
    yield "</details>\n"


def row(connection: Connection, event: Event) -> str:
    """Return the row of an event."""
    who = direction(connection, event) if event.kind != "late" else ""
    said = say(shorten(event, TEXT))
    if event.begin and event.begin != event.frame and event.count == 1:
        said += f" (begins in frame {event.begin})"
    return (
        f'<tr><td class="number">{span(event)}</td><td class="number">{event.time:.6f}</td>'
        f'<td><span class="layer layer-{event.layer}">{event.layer}</span></td>'
        f'<td class="who">{escape(who)}</td><td class="said">{safe(said)}</td></tr>\n'
    )
