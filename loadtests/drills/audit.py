"""What must be so after every drill, whatever was broken."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from infra.local.stack import Stack
from loadtests.after_check import check, pages
from loadtests.drills.broker import Broker, Listener
from loadtests.drills.faults import Scene
from loadtests.drills.load import EMPLOYEES, Load
from loadtests.drills.stores import Store, read_models, stores
from loadtests.driving import wait
from services.kernel.ingest_queues import dead

LEVEL_SECONDS = 180
TOLD_SECONDS = 60
ASIDE_SECONDS = 15
NAMED = 3  # of what is missing


class Audit:
    """Compares what was accepted, stored, shown, told and heard; a complaint says what differs."""

    def __init__(self, stack: Stack, token: str, broker: Broker, listener: Listener) -> None:
        self._stack, self._token, self._broker, self._listener = stack, token, broker, listener
        self._stores = stores(stack)

    def of(self, scene: Scene) -> list[str]:
        """What is wrong after a drill whose load has ended."""
        complaints = self._untold_at_rest()
        complaints += self.lost(scene.load)
        complaints += self._shown_otherwise_by_a_rebuild()
        complaints += self._aside(scene)
        return complaints

    def _untold_at_rest(self) -> list[str]:
        """What is untold for good: once all is in the reports, that of which other services told too."""
        complaint = "Not everything that was accepted is in the reports"
        wait(self._stack.is_level, complaint, LEVEL_SECONDS)
        complaints = _lasting(self.untold, TOLD_SECONDS)
        wait(self._stack.is_level, complaint, LEVEL_SECONDS)
        return complaints

    def lost(self, load: Load) -> Iterator[str]:
        """Facts and commands: accepted = stored exactly once = projected, by the API.

        Nobody needs courses: who is hired (staff) has an induction that is finished at once (training), as staff hears.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._stack.url, headers=headers, timeout=30) as client:

            def get(path: str, asked: Mapping[str, Any]) -> Any:
                return client.get(path, params=asked).raise_for_status().json()

            verdict = check(load.ledger, load.source, get)
            versions = len(get(f"/v1/queues/{load.source}/history", {})["items"])
            listed = list(pages(get, EMPLOYEES, {"role": load.source}))
            noted = [path for path in load.hired if _inductions(get(f"{path}/history", {})) == 1]
        yield from verdict.complaints
        if not verdict.accepted == verdict.stored == verdict.projected:
            yield f"accepted {verdict.accepted}, stored {verdict.stored}, projected {verdict.projected}"
        if versions != load.changes:
            yield f"{load.changes} changes of a queue were acknowledged, {versions} are stored"
        if not len(load.hired) == len(listed) == len(noted):
            yield f"{len(load.hired)} people hired, {len(listed)} listed, {len(noted)} inducted once"

    def untold(self) -> Iterator[str]:
        """Public events that are not with everybody who wants them, or are with somebody and were never stored."""
        at_rest = {store.service: store.is_at_rest() for store in self._stores}  # before its events are read
        self._listener.listen()
        bindings = self._broker.bindings()
        public = {store.service: store.public() for store in self._stores}
        for store in self._stores:
            if not at_rest[store.service]:
                yield f"the policy of {store.service} has not looked at everything"
            yield from _differences(
                f"the listener to {store.service}", self._listener.heard[store.service].keys(), public[store.service]
            )
            yield from self._unheard(store, bindings, public)

    def _unheard(
        self, consumer: Store, bindings: Mapping[str, Mapping[str, set[str]]], public: Mapping[str, Mapping[str, str]]
    ) -> Iterator[str]:
        heard = consumer.heard()
        for source, events in public.items():
            types = bindings[f"{consumer.service}.from.{source}"][f"{source}.events"]
            wanted = {event for event, kind in events.items() if kind in types}
            yield from _differences(f"the inbox of {consumer.service} from {source}", heard.get(source, set()), wanted)

    def _shown_otherwise_by_a_rebuild(self) -> Iterator[str]:
        before, events = read_models(self._stack), [store.events() for store in self._stores]
        self._stack.plateau("rebuild")
        yield from self._untold_at_rest()
        after = read_models(self._stack)
        for table in sorted(before.keys() | after.keys()):
            gone, new = Counter(before.get(table, ())), Counter(after.get(table, ()))
            for what, rows in (("had", gone - new), ("has after a rebuild", new - gone)):
                if rows:
                    yield f"{table} {what} {rows.total()} rows more, such as {next(iter(rows))}"
        if (now := [store.events() for store in self._stores]) != events:
            yield f"a rebuild had {sum(now) - sum(events)} events stored that were missing"

    def _aside(self, scene: Scene) -> list[str]:
        """Messages put aside that were good; or bad ones that were not; or anything that still waits."""
        consumed, wanted = self._broker.consumed(), Counter(scene.aside)
        found: Counter[tuple[str, bytes]] = Counter()

        def complaints() -> Iterator[str]:
            found.update((queue, body) for queue in consumed for body in self._broker.take_all(dead(queue)))
            for what, messages in (("is missing", wanted - found), ("is aside and ought not to be", found - wanted)):
                yield from (f"in {dead(queue)} {what}: {body[:200]!r}" for queue, body in messages.elements())
            for queue, count in self._broker.waiting(consumed).items():
                yield f"{count} messages still wait in {queue}"

        return _lasting(complaints, ASIDE_SECONDS)


def _inductions(history: Mapping[str, Any]) -> int:
    return sum(event["type"] == "induction_finished" for event in history["items"])


def _lasting(complaints: Callable[[], Iterator[str]], seconds: float) -> list[str]:
    """The complaints that there are still after so many seconds; none as soon as there are none."""
    give_up = time.monotonic() + seconds
    while (found := list(complaints())) and time.monotonic() < give_up:
        time.sleep(0.5)
    return found


def _differences(who: str, has: Any, ought: Any) -> Iterator[str]:
    for what, ids in (("misses", ought - has), ("has what was never stored:", has - ought)):
        if ids:
            yield f"{who} {what} {len(ids)} events, such as {', '.join(sorted(ids)[:NAMED])}"
