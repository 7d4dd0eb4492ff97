"""What passes on an interface, told as it happens."""

import argparse
import os
import sys

from capture import BRIDGE
from capture.files import create, reason
from capture.interface import empty, link_of, listen, packets
from capture.packet import CaptureError
from capture.pcap import PcapWriter
from cli.terminal import colour, complain
from output.text import heading, line
from safe import printable
from story.story import Story


def run(options: argparse.Namespace) -> int:
    """Tell what passes on an interface until Ctrl-C, and keep it in a file if one is given."""
    interface = options.live or BRIDGE
    story = Story(ports=options.ports, keep=False)
    coloured, known = colour(), 0
    try:
        with listen(interface) as raw:
            writer = PcapWriter(create(options.w), link_of(raw)) if options.w else None
            name = printable(os.fsencode(interface))
            print(f"live from {name}, Ctrl-C ends it", file=sys.stderr, flush=True)
            if empty(interface):
                print("no container is on it: waiting for the lab to come up", file=sys.stderr)
            for packet in packets(raw):
                if writer:
                    writer.add(packet)
                for connection, event in story.feed(packet):
                    if event.kind == "refused":  # ten a second, while no server runs
                        times = connection.counts["refused"]
                        if str(times).strip("0") != "1":
                            continue
                        event.note = f"{times} so far"
                    if connection.number > known:
                        known = connection.number
                        print(f"[{known}] {heading(connection)}")
                    print(f"[{connection.number}] {line(connection, event, coloured)}", flush=True)
    except KeyboardInterrupt:
        print(f"\n{story.packets:,} packets", file=sys.stderr)
    except CaptureError as error:
        return complain(interface, str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return complain(options.w or interface, reason(error, options.w or "."))
    return 0
