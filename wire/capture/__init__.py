"""Packets as they are kept and as they come: pcap, pcapng, gzip, interfaces.

Nothing else knows how a capture file is laid out, nor how packets come off the kernel.
"""
