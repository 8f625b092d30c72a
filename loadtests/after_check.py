"""Whether what was accepted is stored exactly once and in the read models, asked of the public API, call by call."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.health import is_level
from loadtests.simulator.journal import Fact
from services.calls.domain.fold import Fact as StoryFact
from services.calls.domain.fold import fold

ASKING = 8
PAGE = 500
DRAIN_SECONDS = 300

# GET of a path with parameters: the JSON that came back.
Get = Callable[[str, Mapping[str, Any]], Any]


@dataclass
class Ledger:
    """What a load test knows of its facts, as their ids by call.

    `open` are those that were sent without a verdict yet, or for good where an answer never came or was a 5xx: they may
    be stored or not.
    """

    accepted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    open: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def send(self, facts: Iterable[Fact]) -> None:
        """They are on their way."""
        for fact in facts:
            self.open[fact["call_id"]].add(fact["id"])

    def accept(self, facts: Iterable[Fact]) -> None:
        """They were acknowledged."""
        for fact in facts:
            self.open[fact["call_id"]].discard(fact["id"])
            self.accepted[fact["call_id"]].add(fact["id"])

    def refuse(self, facts: Iterable[Fact]) -> None:
        """They were refused for good, so they must not be stored."""
        for fact in facts:
            self.open[fact["call_id"]].discard(fact["id"])

    @property
    def total(self) -> int:
        """How many facts were accepted."""
        return sum(map(len, self.accepted.values()))


@dataclass
class Verdict:
    """How many facts are where, and what is wrong, in words; all is well where nothing is."""

    accepted: int
    stored: int = 0
    projected: int = 0
    complaints: list[str] = field(default_factory=list)


def wait_until_level(get: Get) -> None:
    """Return once every fact acknowledged so far is in the reports; raises TimeoutError after five minutes."""
    give_up = time.monotonic() + DRAIN_SECONDS
    while True:
        state = get("/health/ready", {})
        if is_level(state):
            return
        if time.monotonic() > give_up:
            raise TimeoutError(f"Not all facts are in the reports after {DRAIN_SECONDS} s: {state}")
        time.sleep(0.2)


def check(ledger: Ledger, source: str, get: Get, progress: Callable[[], None] = lambda: None) -> Verdict:
    """Compare the ledger of `source` with what is stored of each call, and that with what is shown of it.

    `projected` counts the stored facts of those calls whose visits and legs, as listed, are what the fold makes of
    their stored facts. `progress` is told of each call.
    """
    verdict = Verdict(ledger.total)
    shown = {view["call_id"]: view for view in pages(get, "/v1/calls", {"source": source})}
    sent = ledger.accepted.keys() | ledger.open.keys()
    verdict.complaints += [f"{call} is shown and was never sent" for call in shown.keys() - sent]

    def examined(call: str) -> list[dict[str, Any]]:
        facts = list(pages(get, f"/v1/calls/{shown[call]['id']}/facts", {})) if call in shown else []
        progress()
        return facts

    with ThreadPoolExecutor(ASKING) as asking:
        for call, facts in zip(sent, asking.map(examined, sent), strict=True):
            verdict.stored += len(facts)
            complaints = list(_differences(ledger.accepted[call], ledger.open[call], facts))
            if facts and told_by(facts) != told_by_view(shown[call]):
                complaints.append("its visits and legs are not those that its facts tell")
            else:
                verdict.projected += len(facts)
            verdict.complaints += [f"{call}: {complaint}" for complaint in complaints]
    return verdict


def _differences(accepted: set[str], unsure: set[str], facts: list[dict[str, Any]]) -> Iterator[str]:
    stored = Counter(fact["id"] for fact in facts)
    for complaint, ids in (
        ("accepted and not stored", accepted - stored.keys()),
        ("stored more than once", {id_ for id_, times in stored.items() if times > 1}),
        ("stored though refused or never sent", stored.keys() - accepted - unsure),
    ):
        if ids:
            yield f"{complaint}: {', '.join(sorted(ids))}"


def told_by(facts: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Outcome, visits and legs of a call, as its stored facts tell."""
    call = fold(
        StoryFact.of(n, fact["fact"], round(datetime.fromisoformat(fact["occurred_at"]).timestamp() * 1_000_000))
        for n, fact in enumerate(facts)
    )
    visits = [(visit.queue, visit.outcome, visit.wait_ms) for visit in call.visits]
    return call.outcome, visits, [(leg.agent, leg.talk_ms) for leg in call.legs]


def told_by_view(view: dict[str, Any]) -> tuple[Any, ...]:
    """The same, as the API shows the call."""
    visits = [(visit["queue"], visit["outcome"], _milliseconds(visit["wait_seconds"])) for visit in view["visits"]]
    return view["outcome"], visits, [(leg["agent"], _milliseconds(leg["talk_seconds"])) for leg in view["legs"]]


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def pages(get: Get, path: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of all pages of a list."""
    cursor: dict[str, Any] = {}
    while True:
        page = get(path, {**asked, "limit": PAGE, **cursor})
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}
