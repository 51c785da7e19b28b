from __future__ import annotations

import pytest

from bench import wrk
from bench.load import Load, middle
from bench.problem import BenchFailed

GOOD = """Running 5s test
  12 requests in 0.5s
weir-bench {"seconds":0.500000,"requests":12,"p50_ms":1.5,"p99_ms":9.0,"status":0,"socket":0}
"""


def test_a_report_becomes_a_load() -> None:
    load = wrk.parsed(GOOD)

    assert (load.rate, load.p50_ms, load.p99_ms, load.count) == (24.0, 1.5, 9.0, 12)


@pytest.mark.parametrize("bad", ['"status":1', '"socket":1'])
def test_one_bad_answer_fails_the_run(bad: str) -> None:
    name = bad.split(":", maxsplit=1)[0]

    with pytest.raises(BenchFailed, match="wrk counted"):
        wrk.flawless(wrk.parsed(GOOD.replace(f"{name}:0", bad)))


def test_bad_answers_are_no_part_of_the_rate() -> None:
    load = wrk.parsed(GOOD.replace('"status":0', '"status":2').replace('"socket":0', '"socket":3'))

    assert (load.rate, load.count, load.errors) == (20.0, 10, 5)


def test_headers_go_into_the_script() -> None:
    script = wrk.script([b"{}"], {"Authorization": "Api-Key a.b"})

    assert "headers[ [==[Authorization]==] ] = [==[Api-Key a.b]==]" in script


def test_a_load_without_an_answer_fails_the_run() -> None:
    with pytest.raises(BenchFailed, match="no good answer"):
        wrk.parsed(GOOD.replace('"requests":12', '"requests":0'))


def test_silence_fails_the_run() -> None:
    with pytest.raises(BenchFailed, match="unable to connect"):
        wrk.parsed("", "unable to connect to 127.0.0.1")


def test_the_script_posts_each_body_in_turn() -> None:
    script = wrk.script([b'{"a": 1}', b'{"a": 2}'])

    assert '[==[{"a": 1}]==],\n[==[{"a": 2}]==]' in script
    assert "{{" not in script


def test_the_middle_is_taken_column_by_column() -> None:
    loads = [Load(10, 3, 9, 100, 0.5), Load(30, 1, 7, 300, 1.0), Load(20, 2, 8, 200, 0.75)]

    found = middle(loads)

    assert (found.rate, found.p50_ms, found.p99_ms) == (20, 2, 8)
    assert found.count == 600
    assert found.cost_us == 37_500.0
