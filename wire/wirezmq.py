"""Tells a packet capture of ZeroMQ as the messages that passed, with Wireshark's packet numbers.

    python wire/wirezmq.py zmq.pcap            the story of a capture
    python wire/wirezmq.py --grade kelas/      a table of all captures that a class handed in
    python wire/wirezmq.py                     live from br-zmq, as it happens
    tcpdump -i br-zmq -U -w - | python wire/wirezmq.py -

Exit code: 0; with --check and --grade 1 if something is missing or not right; 2 for bad usage,
for a file that cannot be written, a capture that cannot be read to its end or has no ZMTP in it.
"""

import gc
import os
import sys
from contextlib import suppress
from importlib import import_module

from cli.arguments import arguments
from cli.terminal import NEEDED, complain


def main() -> int:
    """Do what the command line asks for, and return the exit code."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = arguments()
    if options.command in ("story", "check", "grade"):
        gc.disable()  # what is read has no cycles: to look for them took a sixth of the time
    if options.command == "check" or (options.html and not options.grade):
        from output.language import speak

        speak(options.lang)
    code: int = import_module(f"cli.{options.command}").run(options)
    return code


if __name__ == "__main__":
    code = 130
    try:
        with suppress(KeyboardInterrupt):
            code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        code = 0
    except ModuleNotFoundError as error:  # dpkt, as soon as a packet is not of the usual kind
        code = complain("the capture", NEEDED.format(error.name))
    except OSError as error:  # a full disk
        code = complain("its output", f"not written: {error.strerror or error}")
    os._exit(code)  # at once: to take a large story apart took a quarter of the time
