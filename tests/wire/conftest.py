"""What the tests of wire/ share."""

import os
from collections.abc import Iterator

import pytest

from conftest import WORKER
from live import Namespace


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network of this test's own."""
    made = Namespace(f"zmq-test{WORKER}-{os.getpid()}")
    yield made
    made.remove()
