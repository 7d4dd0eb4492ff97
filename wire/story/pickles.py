"""Pickled ints, read without unpickling anything."""

import pickletools

# opcodes that push an int or a long, and those around it
INTS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
AROUND = {"PROTO", "FRAME", "STOP"}


def pickled(data: bytes) -> int | str | None:
    """Return the int in a pickle of nothing else, "pickle" for any other, None if it is none.

    Only the opcodes are read. Nothing is unpickled: a pickle may run what its sender likes.
    """
    if len(data) > 65535 or not data.endswith(b"."):
        return None
    found: list[int] = []
    only = True
    try:
        for opcode, argument, _position in pickletools.genops(data):
            if opcode.name in INTS and type(argument) is int and not found:
                found.append(argument)
            elif opcode.name not in AROUND:
                only = False
        whole = _position == len(data) - 1
    except Exception:  # genops raises many kinds on what is no pickle
        return None
    if not whole or not (found or data[0] == 0x80):
        return None
    return found[0] if only and found and abs(found[0]) < 1 << 63 else "pickle"
