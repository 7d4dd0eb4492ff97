"""Captures, or what passes on an interface, shown in a browser."""

import argparse
import gc
import os

from capture import BRIDGE
from cli.terminal import NEEDED, complain

NOT_HERE = (
    "no browser reaches this container: 'docker compose -f compose/live.yml up' shows the lab, "
    "and 'docker compose -f compose/live.yml run --rm -P page CAPTURE' plays a capture"
)


def run(options: argparse.Namespace) -> int:
    """Show captures, or what passes on an interface, in a browser until Ctrl-C.

    compose/live.yml says in ZMQ_PUBLISHED where the port of its page is published, and with --live
    the folder where another container writes the packets. The empty ZMQ_PUBLISHED of other
    containers means that none is.
    """
    published = os.environ.get("ZMQ_PUBLISHED")
    if published == "":
        return complain("--serve", NOT_HERE)
    if not options.captures:
        gc.set_threshold(100_000, 50, 1000)  # what a story keeps is no garbage, and it is much
    try:
        from serve.server import Refusal, show
    except ImportError as error:
        return complain("--serve", NEEDED.format(error.name))
    try:
        folder = options.live if options.live and "/" in options.live else ""
        interface = BRIDGE if folder else options.live or BRIDGE
        ports, serve = options.ports, options.serve
        where = {"language": options.lang, "folder": folder, "published": published or ""}
        show(options.captures, interface, options.w, ports, serve, **where)
    except Refusal as refusal:
        return complain(*refusal.args)
    return 0
