"""Packets as they are kept and as they come: pcap, pcapng, gzip, interfaces.

Nothing else knows how a capture file is laid out, nor how packets come off the kernel.
"""

import os

BRIDGE = os.environ.get("ZMQ_BRIDGE") or "br-zmq"  # the interface where the lab's packets pass
