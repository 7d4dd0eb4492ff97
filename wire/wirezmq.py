"""Tells a packet capture of ZeroMQ as the messages that passed, with Wireshark's packet numbers.

    python wire/wirezmq.py zmq.pcap            the story of a capture
    python wire/wirezmq.py --grade kelas/      a table of all captures that a class handed in
    python wire/wirezmq.py                     live from br-zmq, as it happens
    tcpdump -i br-zmq -U -w - | python wire/wirezmq.py -

Exit code: 0; with --check and --grade 1 if something is missing or not right; 2 for bad usage,
for a file that cannot be written, a capture that cannot be read to its end or has no ZMTP in it.
"""

import argparse
import gc
import os
import sys
from contextlib import suppress

from options import BRIDGE, arguments
from read.frames import CaptureError
from read.payload import printable
from read.story import PORTS, Story
from read.whole import read, reason

NEEDED = "this needs {}: pip install it, or run zmq-wire, the container that has it"


def tell_live(options: argparse.Namespace, colour: bool) -> int:
    """Tell what passes on an interface until Ctrl-C."""
    from read.live import Keeper, create, empty, link_of, listen, packets
    from tell.text import heading, line

    interface = options.live or BRIDGE
    story = Story(ports=PORTS | dict(options.port), keep=False)
    known = 0
    try:
        with listen(interface) as raw:
            keeper = Keeper(create(options.w), link_of(raw)) if options.w else None
            name = printable(os.fsencode(interface))
            print(f"live from {name}, Ctrl-C ends it", file=sys.stderr, flush=True)
            if empty(interface):
                print("no container is on it: waiting for the lab to come up", file=sys.stderr)
            for record in packets(raw):
                if keeper:
                    keeper.add(record)
                for connection, event in story.feed(record):
                    if event.kind == "refused":  # ten a second, while no server runs
                        times = connection.counts["refused"]
                        if str(times).strip("0") != "1":
                            continue
                        event.note = f"{times} so far"
                    if connection.number > known:
                        known = connection.number
                        print(f"[{known}] {heading(connection)}")
                    print(f"[{connection.number}] {line(connection, event, colour)}", flush=True)
    except KeyboardInterrupt:
        print(f"\n{story.frames:,} packets", file=sys.stderr)
    except CaptureError as error:
        return complain(interface, str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return complain(options.w or interface, reason(error, options.w or "."))
    return 0


def serve(options: argparse.Namespace) -> int:
    """Show captures, or what passes on an interface, in a browser until Ctrl-C."""
    if not options.captures:
        gc.set_threshold(100_000, 50, 1000)  # what a story keeps is no garbage, and it is much
    try:
        from serve.run import Refusal, show
    except ImportError as error:
        return complain("--serve", NEEDED.format(error.name))
    try:
        ports = PORTS | dict(options.port)
        show(options.captures, options.live or BRIDGE, options.w, ports, options.serve)
    except Refusal as refusal:
        return complain(*refusal.args)
    return 0


def complain(name: str, wrong: str) -> int:
    """Say in one line what is wrong, and return the exit code for it."""
    print(f"wirezmq.py: {printable(os.fsencode(name))}: {wrong}", file=sys.stderr)
    return 2


def outputs(options: argparse.Namespace, path: str, story: Story, colour: bool) -> None:
    """Write what was asked for about one capture."""
    from read.live import create

    name = printable(os.fsencode(path))
    if options.check:
        from tell.check import summary, table

        if len(options.captures) > 1:
            print(summary(name, story))
        else:
            print(*table(name, story, colour, where=not options.answers), sep="\n")
    elif options.json:
        from tell.as_json import capture_json

        print(capture_json(name, story))
    elif not options.html and not options.pcapng:
        from tell.text import story_lines

        sys.stdout.writelines(f"{said}\n" for said in story_lines(name, story, colour))
    if options.html:
        import io

        try:
            from tell.page import write_page
        except ImportError as error:
            sys.exit(complain("--html", NEEDED.format(error.name)))

        with io.TextIOWrapper(create(options.html), encoding="utf-8") as page:
            write_page(name, story, page)
    if options.pcapng:
        from tell.annotate import write_pcapng

        with create(options.pcapng) as annotated:
            write_pcapng(path, PORTS | dict(options.port), annotated)
    sys.stdout.flush()  # a full disk is noticed here


def main() -> int:
    """Do what the command line asks for, and return the exit code."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = arguments()
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if options.check or options.html or options.serve:
        from tell.language import speak

        speak(options.lang)
    if options.serve:
        return serve(options)
    if not options.captures:
        return tell_live(options, colour)
    gc.disable()  # what is read has no cycles: to look for them took a sixth of the time
    if options.grade:
        from grade.whole import grade_class

        return grade_class(options, PORTS | dict(options.port))
    code = passed = 0
    each = options.all or options.json
    for path in options.captures:
        story = Story(each, PORTS | dict(options.port), options.expect)
        wrong = read(path, story)
        if story.frames or not wrong:
            try:
                outputs(options, path, story, colour)
            except BrokenPipeError:
                raise
            except OSError as error:
                written = str(error.filename or options.html or options.pcapng or "its output")
                code = complain(written, f"not written: {reason(error, written)}")
                continue
        if not wrong and not story.connections and not options.check:
            from tell.text import nothing

            wrong = nothing(story, BRIDGE)
        if wrong:
            code = complain(path, wrong)
        elif options.check:
            from tell.check import rows

            holds = all(row.frames for row in rows(story))
            passed += holds
            code = code or int(not holds)
    if options.check and len(options.captures) > 1:
        from tell.language import _

        said = _("{passed} of {all} captures complete")
        print(said.format(passed=passed, all=len(options.captures)))
    if options.answers:
        from grade.whole import check_answers

        code = max(code, check_answers(options, PORTS | dict(options.port)))
    return code


if __name__ == "__main__":
    code = 130
    try:
        with suppress(KeyboardInterrupt):
            code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        code = 0
    except OSError as error:  # a full disk
        code = complain("its output", f"not written: {error.strerror or error}")
    os._exit(code)  # at once: to take a large story apart took a quarter of the time
