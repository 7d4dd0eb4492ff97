"""From the bytes of a connection to its greetings, frames and commands: ZMTP 1.0 to 3.1.

ZMTP 3.0 is RFC 23, 3.1 RFC 37, 2.0 RFC 15, 1.0 RFC 13 (rfc.zeromq.org).
"""
