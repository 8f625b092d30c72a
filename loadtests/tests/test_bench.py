from datetime import date, datetime
from itertools import islice

import pytest
from click.testing import CliRunner

from loadtests.bench import main
from loadtests.freshness import Freshness, Poster, queued_calls
from loadtests.listeners import Heard, Screen
from loadtests.load_shapes import SHAPES
from loadtests.performance_page import Row, Run, write
from services.calls.domain.facts import canonical
from services.calls.domain.fold import Fact, fold


@pytest.mark.parametrize(
    ("row", "ratio", "met"),
    [
        (Row("a", 300.0, "/s", 0.75, 400.0, "peer"), 0.75, True),
        (Row("a", 299.0, "/s", 0.75, 400.0, "peer"), 0.7475, False),
        (Row("a", 250.0, "ms", 250, at_most=True), 250, True),
        (Row("a", 251.0, "ms", 250, at_most=True), 251, False),
        (Row("a", 15.1, "ms", 1.5, 10.0, "with 1 M", at_most=True), 1.51, False),
    ],
)
def test_a_target_is_reached_or_not(row, ratio, met):
    assert row.ratio == pytest.approx(ratio)
    assert row.met is met


def test_the_page_says_what_was_measured_and_how(tmp_path):
    rows = [
        Row("commands", 900.0, "/s", 3, 400.0, "usual Nameko chain"),
        Row("memory of calls", 80.04, "MB", 90, at_most=True),
    ]
    path = tmp_path / "docs/performance.md"
    write(path, rows, Run("make bench", 3, 20, 64), date(2026, 11, 21))
    text = path.read_text()
    assert "| commands | 900 /s | 400 usual Nameko chain | 2.25 | ≥ 3 times | no |" in text
    assert "| memory of calls | 80.0 MB |  |  | ≤ 90 MB | yes |" in text
    for said in ("21 November 2026", "`make bench`", "3 rounds of 20 s", "64 connections", "`PUT /v1/queues/{queue}`"):
        assert said in text


def test_an_unknown_part_is_refused():
    answer = CliRunner().invoke(main, ["--only", "ingest,everything"])
    assert answer.exit_code == 2
    assert "everything" in answer.output


def test_shapes_reach_their_peak_and_never_more():
    for shape in SHAPES.values():
        users = [shape(step / 1000, 40) for step in range(1000)]
        assert max(users) == 40
        assert min(users) >= 1
    assert SHAPES["ramp"](0.4, 40) == 20
    assert [SHAPES["spike"](passed, 40) for passed in (0.1, 0.35, 0.5, 0.65)] == [4, 40, 4, 40]


def test_of_the_facts_that_freshness_posts_each_queued_one_is_a_visit():
    facts = list(islice(queued_calls("q"), 20_000))
    calls: dict[str, list[Fact]] = {}
    for n, fact in enumerate(facts):
        instant = datetime.fromisoformat(fact["occurred_at"]).timestamp() * 1e6
        calls.setdefault(fact["call_id"], []).append(Fact.of(n, canonical(fact), round(instant)))
    visits = [visit for story in calls.values() for visit in fold(story).visits]
    assert len(visits) == sum(fact["type"] == "call.queued" for fact in facts)
    assert {visit.queue for visit in visits} == {"q"}


def test_a_poster_counts_answers_and_keeps_a_refusal():
    poster = Poster()
    poster.waiting = 3
    poster.data_received(b"HTTP/1.1 202 Accepted\r\n\r\n{}HTTP/1.1 202 Accepted\r\n\r\n{}")
    assert (poster.waiting, poster.accepted, poster.refusal) == (1, 2, None)
    poster.data_received(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}")
    assert (poster.waiting, poster.accepted) == (0, 2)
    assert poster.refusal.startswith("HTTP/1.1 503")


def test_percentiles_of_ages_are_milliseconds():
    ages = Freshness([n / 1000 for n in range(101)])
    assert (ages.percentile(50), ages.percentile(99)) == (pytest.approx(50), pytest.approx(99))


def test_a_screen_counts_events_however_they_are_cut():
    heard = Heard()
    screen = Screen(b"", heard)
    told = b"HTTP/1.1 200 OK\r\n\r\n" + b"id: a-1\nevent: live\ndata: {}\n\n" * 3
    for begin in range(0, len(told), 7):
        screen.data_received(told[begin : begin + 7])
    assert heard == Heard(listening=0, events=3)
    Screen(b"", heard).data_received(told)
    assert heard == Heard(listening=1, events=6)
    Screen(b"", heard).data_received(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    assert heard.listening == 1
