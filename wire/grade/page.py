"""The table of a class as a page that a lecturer reads, sorts and prints. Needs Jinja2."""

import base64
import hashlib
import io
from pathlib import Path

from capture.files import create
from grade.graded import Graded
from grade.submissions import Class
from grade.table import cells, head, remarks, summary
from output.html import environment

TEMPLATES = Path(__file__).parent / "templates"


def write_table(path: str, graded: list[Graded], handed: Class) -> None:
    """Write the page to `path`. Raises OSError."""
    made = environment(TEMPLATES)
    script = (TEMPLATES / "sort.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = made.get_template("class.html").generate(
        head=head(graded)[:-1],
        script=script,
        digest=digest,
        totals=summary(graded),
        others=handed.others,
        rows=[(cells(row)[:-1], list(remarks(row)), row) for row in graded],
    )
    with io.TextIOWrapper(create(path), encoding="utf-8") as file:
        file.writelines(page)
