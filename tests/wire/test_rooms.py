"""Which room of wire/ may import which: the layers of the house, without an arrow upwards."""

import ast
import sys
from pathlib import Path

import pytest

WIRE = Path(__file__).parents[2] / "wire"
ROOMS = {  # room -> what it may import, beside the standard library and itself
    "safe": "",
    "capture": "safe",
    "zmtp": "safe",
    "tcp": "capture.packet dpkt",
    "story": "capture tcp zmtp safe",
    "output": "story zmtp capture safe",
    "output.html": "story zmtp capture safe jinja2",
    "grade": "story output capture safe",
    "serve": "capture story output safe starlette uvicorn anyio",
    "cli": "capture tcp zmtp story output grade serve safe",
    "wirezmq": "cli output",
}
FILES = [".".join(path.relative_to(WIRE).with_suffix("").parts) for path in WIRE.rglob("*.py")]


@pytest.mark.parametrize("file", FILES)
def test_a_room_imports_what_lies_below_it(file: str) -> None:
    room = file.partition(".")[0]
    allowed = {room, *ROOMS.get(file, ROOMS[room]).split(), *sys.stdlib_module_names}
    tree = ast.parse((WIRE / (file.replace(".", "/") + ".py")).read_text())
    nodes = list(ast.walk(tree))
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert [name for name in names if not {name, name.partition(".")[0]} & allowed] == []
