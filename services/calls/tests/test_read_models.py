"""For every set of facts: any order, any repetition, any batches give the same read models, equal to a rebuild."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import Disturbances, delivered
from loadtests.simulator.plan import AgentPlan, Plan, QueuePlan
from services.calls.projections import read_models
from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_fold_properties import items

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
LONG_BEFORE = datetime(1990, 1, 1, tzinfo=UTC)
LONG_AFTER = datetime.now(UTC) + timedelta(days=30)
FORGET = """DO $$ DECLARE made text; BEGIN
    FOR made IN SELECT name || '_' || generation FROM store.projections LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', made);
    END LOOP;
    TRUNCATE store.events, store.projections, store.fact_conflicts, store.ingest_progress, keyring.keys;
END $$"""

SMALL = Plan(
    queues=(
        QueuePlan("sales", "+33199000100", {9: 18}, patience=60, timeout=90, overflows_to="care", room=3),
        QueuePlan("care", "+33199000200", {9: 9}, patience=90),
    ),
    agents=tuple(AgentPlan(f"a-{n}", ("sales", "care"), 9, 10) for n in range(3)),
    timezone="UTC",
)
SOURCES = ("pbx1", "pbx2")


@dataclass(frozen=True)
class Configuring:
    """A step of a story that is no fact: how a source is read from then on."""

    source: str
    offset: int


@dataclass(frozen=True)
class Renaming:
    """A step of a story that is no fact: who a name of a source stands for in some seconds after nine, or nobody."""

    source: str
    kind: str
    name: str
    internal_id: str | None
    begin: int | None
    end: int | None


CALLS = ("c1", "c2", "c3", "never")
NAMES = (
    ("agent", "a-1"),
    ("agent", "a-2"),
    ("queue", "sales"),
    ("queue", "care"),
    ("campaign", "spring"),
    ("customer", "k-1"),
)
renamings = st.builds(
    lambda source, named, *rest: Renaming(source, *named, *rest),
    st.sampled_from(SOURCES),
    st.sampled_from(NAMES),
    st.sampled_from(["ada", "care", "a-2", None]),
    st.none() | st.integers(-100, 15),
    st.none() | st.integers(16, 1200),
)


@st.composite
def strange_facts(draw: Any) -> dict[str, Any]:
    """Any accepted fact of a few calls, agents and sources."""
    source = draw(st.sampled_from(SOURCES))
    family = draw(st.sampled_from(["call", "call", "call", "call", "agent", "source"]))
    if family == "call":
        links = {
            "campaign": draw(st.sampled_from([None, None, "spring"])),
            "root_call_id": draw(st.sampled_from([None, None, None, *CALLS])),
            "parent_call_id": draw(st.sampled_from([None, None, None, *CALLS])),
        }
        return {**draw(items()), **links, "source": source, "call_id": draw(st.sampled_from(CALLS[:3]))}
    at = NINE + timedelta(seconds=draw(st.integers(0, 30)))
    fact = {"id": str(draw(st.integers(0, 10**9))), "source": source, "occurred_at": at.isoformat()}
    if family == "source":
        return {**fact, "type": "source.restarted"}
    kind = draw(st.sampled_from(["signed_in", "signed_out", "paused", "resumed", "state_changed", "noted"]))
    queues = draw(st.sampled_from([None, ["sales"], ["sales", "care"]]))
    data: dict[str, Any] = {"state": "busy"} if kind == "state_changed" else {"queues": queues}
    sequence = draw(st.none() | st.integers(0, 3))
    record = draw(st.sampled_from([{}, {"record": "r1", "record_version": draw(st.sampled_from(["2", "10"]))}]))
    return {**fact, "type": f"agent.{kind}", "agent": draw(st.sampled_from(["a-1", "a-2"])), "sequence": sequence} | {
        "data": None if kind == "noted" else data,
        **record,
    }


def place(fact: dict[str, Any]) -> tuple[Any, ...]:
    """Within what its id is unique: its call, whoever the agent is, or else its agent."""
    call = fact.get("call_id")
    return fact["source"], call, None if call else fact.get("agent"), fact["id"]


@dataclass(frozen=True)
class Story:
    """A simulated hour as it is delivered with every disturbance, with exclusions, a restart, and strange facts."""

    seed: int
    clock_offset: int
    restarted_after: int
    strange: tuple[dict[str, Any], ...]
    configured: tuple[Configuring | Renaming, ...]
    reaped: bool

    def facts(self) -> list[dict[str, Any]]:
        disturbed = Disturbances(jitter=5, late=0.1, missing_ends=0.1, clock_offset=self.clock_offset)
        day = Centre(self.seed, SMALL).day(date(2026, 11, 20), 9, 10)
        simulated = list(delivered(day.facts, disturbed, self.seed))
        some = sorted({fact["call_id"] for fact in simulated if "call_id" in fact})[:4]
        excluded = [
            call_fact(call_id, kind, NINE + timedelta(hours=hour), {"reason": "a test"})
            for n, call_id in enumerate(some)
            for hour, kind in ((4, "excluded"), (5, "included"))[: n % 3]
        ]
        at = NINE + timedelta(minutes=self.restarted_after)
        restarted = {"type": "source.restarted", "source": "pbx1", "id": "restart", "occurred_at": at.isoformat()}
        return [*simulated, *excluded, restarted, *self.strange]


stories = st.builds(
    Story,
    seed=st.integers(0, 9999),
    clock_offset=st.sampled_from([0, 90]),
    restarted_after=st.integers(5, 70),
    strange=st.lists(strange_facts(), max_size=25, unique_by=place).map(tuple),
    configured=st.lists(
        renamings | st.builds(Configuring, st.sampled_from(SOURCES), st.sampled_from([0, -40, 90])), max_size=5
    ).map(tuple),
    reaped=st.booleans(),
)


def in_batches(rng: Random, facts: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = list(facts)
    while rest:
        size = rng.choice([1, 2, 10, 60, 200])
        yield rest[:size]
        rest = rest[size:]


def configure(calls: RunningCalls, step: Configuring | Renaming) -> None:
    if isinstance(step, Renaming):
        name = {"system": step.source, "kind": step.kind, "external_id": step.name}
        # Whether it is mapped first or refused, because it was mapped: from now on it may be corrected.
        calls.execute("MapIdentity", "", {**name, "internal_id": "x", "valid_to": LONG_BEFORE.isoformat()})
        times = {"valid_from": step.begin, "valid_to": step.end}
        within = {name: None if at is None else NINE + timedelta(seconds=at) for name, at in times.items()}
        calls.correct(step.kind, step.name, step.source, internal_id=step.internal_id, **within)
        return
    calls.configure("ConfigureSource", step.source, {"clock_offset_seconds": step.offset})


def begin_anew(calls: RunningCalls, owner: psycopg.Connection) -> None:
    owner.execute(FORGET)
    calls.models = read_models()
    calls.build()


def told_once_in_order(calls: RunningCalls, story: Story) -> None:
    for step in story.configured:
        configure(calls, step)
    calls.store(sorted(story.facts(), key=lambda fact: (fact["occurred_at"], fact["id"])))
    settle(calls, story)


def told_anyhow(calls: RunningCalls, story: Story, rng: Random) -> None:
    """Shuffled and repeated, in batches, while two processes take turns at following and the reaper is rash."""
    facts = story.facts()
    told = facts + rng.choices(facts, k=len(facts) // 3)
    rng.shuffle(told)
    processes = [calls.models, read_models()]
    later = list(story.configured)
    for batch in in_batches(rng, told):
        calls.store(batch)
        if later and rng.random() < 0.3:
            configure(calls, later.pop(0))
        for model in rng.choice(processes):
            if rng.random() < 0.7:
                calls.step(model)
        if story.reaped and rng.random() < 0.1:
            calls.reap(LONG_AFTER)
    for step in later:
        configure(calls, step)
    settle(calls, story)


def settle(calls: RunningCalls, story: Story) -> None:
    calls.follow()
    if story.reaped:
        calls.reap(LONG_AFTER)
        calls.follow()


@pytest.fixture
def owner(postgres_url, calls_url):
    """Somebody who may empty the store between examples."""
    address = postgres_url.rpartition("/")[0] + "/" + calls_url.rpartition("/")[2]
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def identities(calls: RunningCalls) -> dict[str, list[str]]:
    """What names mean, but for when that was said."""
    shown = calls.ask("Identities", limit=500)["items"]
    return {"identities": [str({**each, "updated_at": None}) for each in shown]}


def difference(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, Any]:
    return {
        table: (sorted(set(one[table]) - set(other[table])), sorted(set(other[table]) - set(one[table])))
        for table in one
        if one[table] != other[table]
    }


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories, seed=st.integers(0, 2**32))
def test_any_order_any_repetition_and_any_batches_give_the_same_read_models(
    calls: RunningCalls, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, story: Story, seed: int
):
    monkeypatch.setattr("services.calls.projections.calls.AT_ONCE", 5)
    monkeypatch.setattr("services.calls.projections.agents.AT_ONCE", 5)
    begin_anew(calls, owner)
    told_once_in_order(calls, story)
    once = calls.tables() | identities(calls)
    assert once["calls"]
    begin_anew(calls, owner)
    told_anyhow(calls, story, Random(seed))
    assert difference(once, calls.tables() | identities(calls)) == {}
    calls.rebuild()
    assert difference(once, calls.tables() | identities(calls)) == {}
