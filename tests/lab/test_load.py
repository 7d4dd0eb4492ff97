"""A short version of scripts/dev/bench load: fewer of each, for a few seconds."""

import re
from collections import Counter

from benchmarks.load import crowded, is_part
from conftest import up


def test_many_at_once(lab: None) -> None:
    ran = crowded(seconds=5, subscribers=20, clients=10, workers=5)
    up()  # for the tests that follow
    assert [len(ran.printed[service]) for service in ("zmq-sub", "zmq-req", "zmq-pull")] == [
        20,
        10,
        5,
    ]
    for lines in ran.printed["zmq-sub"]:  # all that it joined for
        heard = [line.strip().removeprefix("Received: ") for line in lines[1:-2]]
        assert is_part(heard, ran.published)
    for lines in ran.printed["zmq-req"]:  # its own replies
        hello, *own = re.findall(r"^Reply: (.*) \(\S+ ms\)$", "".join(lines), re.M)
        assert hello == "'World'" and len(own) > 1 and len(set(own)) == 1
    done = [
        re.findall(r"job of (\d) s \.+ done", "".join(lines)) for lines in ran.printed["zmq-pull"]
    ]
    assert sum(map(Counter, done), Counter()) == ran.jobs  # each job once
