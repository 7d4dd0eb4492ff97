"""What the pages and --check say in Indonesian: the catalogue is whole, and it is spoken."""

import gettext
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from conftest import LIMIT, ROOT
from wire_packets import CAPTURES

CATALOGUE = ROOT / "wire/output/locale/id/LC_MESSAGES/zmq-wire.po"


KEYWORDS = {"_": None, "N_": None, "Said": None, "CaptureError": None, "ngettext": (1, 2)}


FIELD = re.compile(r"%\((\w+)\)s")


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="id", abort_invalid=True)


def fields(text: str) -> set[str]:
    """Return what is filled in: {name} or %(name)s."""
    braces = {name for _, name, _, _ in string.Formatter().parse(text) if name}
    return braces | set(FIELD.findall(text))


def test_every_text_has_its_translation_and_no_other_is_kept() -> None:
    ways = [("**.py", "python"), ("**.html", "jinja2")]
    found = extract_from_dir(ROOT / "wire", ways, keywords=KEYWORDS)
    said = {text for _, _, text, _, _ in found}
    translated = {message.id: message for message in catalogue() if message.id}
    assert said == set(translated)
    assert len(said) > 100
    for text, message in translated.items():
        assert not message.fuzzy, text
        for one in [message.string] if isinstance(message.string, str) else message.string or [""]:
            assert one
            assert fields(one) == fields(text if isinstance(text, str) else text[0])


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalogue():
        if isinstance(message.id, str):
            assert message.id == "" or compiled.gettext(message.id) == message.string
        else:
            one, many = message.id
            assert (compiled.ngettext(one, many, 2),) == tuple(message.string or ())


def check(*options: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LANG", "LC_"))}
    done = subprocess.run(
        [sys.executable, ROOT / "wire/wirezmq.py", "lab.pcap", *options],
        cwd=CAPTURES,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    written = ["".join(options[1:])] if "--html" in options else []
    assert done.stderr.splitlines() == [f"{page}: written, for a browser" for page in written]
    return done.stdout


@pytest.mark.parametrize(
    ("options", "environment", "language"),
    [
        ((), {}, "en"),
        ((), {"LANG": "C.UTF-8"}, "en"),
        ((), {"LANG": "en_US.UTF-8"}, "en"),
        ((), {"LANG": "id_ID.UTF-8"}, "id"),
        ((), {"LANG": "en_US.UTF-8", "LANGUAGE": "id"}, "id"),
        (("--lang", "id"), {}, "id"),
        (("--lang", "en"), {"LANG": "id_ID.UTF-8"}, "en"),
    ],
)
def test_the_users_language_is_spoken(
    options: tuple[str, ...], environment: dict[str, str], language: str
) -> None:
    said = check("--check", "--expect", "5025211000", *options, **environment)
    assert (
        said.splitlines()[0]
        == {
            "en": "lab.pcap: 14 of 14 found",
            "id": "lab.pcap: 14 dari 14 ditemukan",
        }[language]
    )
    row = "permintaan dan balasannya      ditemukan  paket 25, 26"
    assert (row in said) == (language == "id")


def test_the_page_is_indonesian_and_the_terms_stay(tmp_path: Path) -> None:
    page = tmp_path / "zmq.html"
    check("--html", str(page), LANG="id_ID.UTF-8")
    text = page.read_text()
    assert '<html lang="id">' in text
    assert "70 paket dalam" in text and "3 koneksi ZMTP" in text
    assert "Tiga hal berikut mudah tertukar." in text
    assert "permintaan &#34;Hello&#34; sesudah delimiter kosong" in text


def test_what_programs_read_is_english() -> None:
    assert '"kind": "request"' in check("--json", LANG="id_ID.UTF-8")
    graded = check("--grade", LANG="id_ID.UTF-8")
    assert "complete" in graded and "handed in" in graded
