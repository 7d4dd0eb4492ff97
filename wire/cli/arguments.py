"""The command line of zmq-wire: what can be asked for, and what does not go together."""

import argparse
import os
import re
import sys

from capture import BRIDGE
from safe import printable
from zmtp.patterns import PATTERNS, PORTS

SERVE = "127.0.0.1:8080"


def port(text: str) -> tuple[int, tuple[str, str]]:
    """Read N=PATTERN."""
    number, _, pattern = text.partition("=")
    if not number.isdecimal() or not 0 < int(number) < 65536 or pattern.upper() not in PATTERNS:
        raise argparse.ArgumentTypeError(
            f"{printable(os.fsencode(text))}: not a port and a pattern, such as 5555=REQ-REP"
        )
    return int(number), PATTERNS[pattern.upper()]


def regex(text: str) -> re.Pattern[str]:
    """Read a regular expression, in which capitals do not matter."""
    try:
        return re.compile(text, re.I)
    except re.error as error:
        shown = printable(os.fsencode(text))
        raise argparse.ArgumentTypeError(f"{shown}: not a regular expression: {error}") from None


def arguments() -> argparse.Namespace:
    """Read the command line; argparse ends with exit code 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        description="Tell a packet capture of ZeroMQ as the messages that passed.",
        epilog="Exit code: 0; with --check and --grade 1 if something is missing or not right; "
        "2 for bad usage, for a file that cannot be written, a capture that cannot be read to its "
        "end or has no ZMTP in it.",
    )
    add = parser.add_argument
    add("captures", nargs="*", metavar="CAPTURE", help="pcap or pcapng file, - for the input")
    add("--live", nargs="?", const=BRIDGE, metavar="INTERFACE", help=f"as it happens ({BRIDGE})")
    add("-w", metavar="FILE", help="keep what passes live as a pcap file")
    add("--all", action="store_true", help="a line for each message, none collapsed")
    add("--check", action="store_true", help="is what the lab asks for in it?")
    tasks = (1, 2, 3)
    add("--task", type=int, choices=tasks, default=0, help="is what a task asks for in it?")
    add("--expect", metavar="TEXT", default="", help="a request should be this text, all of it")
    add("--answers", metavar="FILE", help="how many of these answers are right?")
    add("--grade", action="store_true", help="a table of these captures, or of those in a folder")
    add("--csv", action="store_true", help="that table for a spreadsheet")
    add("--number", metavar="REGEX", type=regex, help="what a student's number looks like")
    add("--feedback", metavar="FOLDER", help="with --grade: a short text for each student")
    add("--json", action="store_true", help="the story as JSON")
    add("--html", metavar="FILE", help="write the story, or the table, as a page")
    add("--pcapng", metavar="FILE", help="write the capture with a comment on each message")
    add("--port", metavar="N=PATTERN", type=port, action="append", default=[], help="a hint")
    add("--lang", choices=("en", "id"), help="language of the pages and of --check")
    add("--serve", metavar="PORT", help=f"show it in a browser ({SERVE}); --serve=PORT: another")
    # Only --serve=PORT gives a port: what stands after a bare --serve is a capture.
    given = [f"--serve={SERVE}" if word == "--serve" else word for word in sys.argv[1:]]
    options = parser.parse_args(given)
    if options.task and not (options.check or options.grade):
        parser.error("--task goes with --check or --grade")
    if options.task and (options.expect or options.answers):
        parser.error("--task has its own rows: it goes without --expect and --answers")
    options.check = options.check or bool(options.expect or options.answers)
    if options.live and options.captures:
        parser.error("either captures or --live")
    told = options.check or options.pcapng
    if options.serve and (told or options.html or options.json or options.grade):
        parser.error("--serve shows it in a browser: it goes without another output")
    if not options.captures and (told or options.html or options.json or options.grade):
        parser.error("this needs a capture")
    if options.grade and (told or options.all or "-" in options.captures):
        parser.error("--grade takes captures and folders, and gives no story beside the table")
    if options.csv and (not options.grade or options.json):
        parser.error("--csv goes with --grade, and without --json")
    if (options.number or options.feedback) and not options.grade:
        parser.error("--number and --feedback go with --grade")
    if options.answers and (len(options.captures) > 1 or "-" in options.captures):
        parser.error("--answers is about one capture, which is a file")
    if options.w and options.captures:
        parser.error("-w keeps what is captured live: it goes without a capture")
    if (options.html or options.pcapng) and len(options.captures) > 1 and not options.grade:
        parser.error("--html and --pcapng take one capture")
    for written in filter(os.path.exists, filter(None, (options.html, options.pcapng))):
        if any(
            os.path.exists(path) and os.path.samefile(path, written) for path in options.captures
        ):
            parser.error(f"{printable(os.fsencode(written))} is the capture itself")
    if options.check and options.json:
        parser.error("either --check or --json")
    options.command, options.ports = _command(options), PORTS | dict(options.port)
    return options


def _command(options: argparse.Namespace) -> str:
    """Return the name of the module of cli/ that does what is asked for."""
    if options.serve:
        return "serve"
    if not options.captures:
        return "live"
    return "grade" if options.grade else "check" if options.check else "story"
