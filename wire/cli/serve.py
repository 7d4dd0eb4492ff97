"""Captures, or what passes on an interface, shown in a browser."""

import argparse
import gc

from cli.arguments import BRIDGE
from cli.terminal import NEEDED, complain


def run(options: argparse.Namespace) -> int:
    """Show captures, or what passes on an interface, in a browser until Ctrl-C."""
    if not options.captures:
        gc.set_threshold(100_000, 50, 1000)  # what a story keeps is no garbage, and it is much
    try:
        from serve.server import Refusal, show
    except ImportError as error:
        return complain("--serve", NEEDED.format(error.name))
    try:
        interface = options.live or BRIDGE
        show(options.captures, interface, options.w, options.ports, options.serve)
    except Refusal as refusal:
        return complain(*refusal.args)
    return 0
