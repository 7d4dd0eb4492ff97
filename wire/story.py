"""From TCP streams to a story: connections and events, while the packets come in.

How an output uses it (the model, Event and Connection, is in events.py and is exported here):

    story = Story()                       # runs of like messages collapse, memory stays flat
    story = Story(each=True)              # every message is an event of its own
    for record in frames.records(file):   # one packet: number, time_ns, link, data, length
        new = story.feed(record)          # events completed by this packet, for a live output
    story.end()                           # what was still open
    story.connections, story.frames       # the whole

`label(connection, event)` says an event in one line, as every output shows it:
'REQ → REP request "Hello"'.

The page (wire/page.py):       write_page(capture_name, story.connections, out)  [text file]
                               from Story(): runs are collapsed already.
The annotator (annotate.py):   write_pcapng(source, story.connections, out)      [binary file]
                               from Story(each=True): it reads `source` again with
                               frames.records() and puts label() of the events with
                               event.frame == record.number on that packet. An event whose
                               parts end in several packets has them in event.parts.
"""

from events import KINDS, MESSAGES, Connection, Event, Part

__all__ = ["KINDS", "MESSAGES", "Connection", "Event", "Part", "label"]


def label(connection: Connection, event: Event) -> str:
    """Say an event in one line of plain text: who to whom, what."""
    sender = connection.role(event.sender)
    receiver = connection.role(connection.peer(event.sender))
    return f'{sender} → {receiver} {event.kind} "{event.text}"'
