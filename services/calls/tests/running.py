"""The calls service without the bus: facts are stored, read models follow when told to, questions are answered."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.calls.api import api, canonical
from services.calls.erasure import effects
from services.calls.ingest import Ingest
from services.calls.policies import close_stale, tell_of_completed
from services.calls.projections import read_models
from services.calls.reports import readers
from services.kernel import projections, schemas
from services.kernel.database import Connection, Pool
from services.kernel.decider import SYSTEM
from services.kernel.messaging.messages import Batch, Delivery
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import Generation, Projection
from services.kernel.service import Dispatcher
from services.kernel.tests.horizon import until_readable
from services.kernel.values import Actor

Fact = Mapping[str, Any]

# All but what waits to be told of, which is no figure.
VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'read' AND viewname <> 'completions' ORDER BY 1"


class RunningCalls:
    """What tests do with the service. `connection` is that of the process that follows."""

    def __init__(self, pool: Pool, master: MasterKey, connection: Connection) -> None:
        self.pool, self.master, self.connection = pool, master, connection
        self.ingest = Ingest(pool, master)
        self.models = read_models()
        keyring = Keyring(master)
        self.dispatcher = Dispatcher(
            api, read_models=self.models, readers=readers(master), pool=pool, keyring=keyring, effects=effects(keyring)
        )
        self.build()

    def build(self) -> None:
        """Every read model, empty and in use."""
        self._leaders: dict[str, Generation] = {}
        for model in self.models:
            projections.bring_into_use(self.connection, projections.create(self.connection, model))

    def store(self, facts: Iterable[Fact], *deliveries: Delivery) -> None:
        """Takes facts as they are sent from outside, in one batch."""
        taken = [canonical(dict(fact)) for fact in facts]
        refused = [fact for fact in taken if isinstance(fact, list)]
        assert not refused, refused
        self.store_canonical(taken, *deliveries)

    def store_canonical(self, facts: list[Any], *deliveries: Delivery) -> None:
        """Takes a batch as it comes out of the ingest queue."""
        self.ingest.store(Batch("calls.ingest.0", facts, deliveries, datetime.now(UTC)))

    def step(self, model: Projection) -> int:
        """One step of the process that this model is of; it takes the lead if another had it."""
        leader = self._leaders.get(model.name)
        if leader is None or leader.projection is not model:
            model.forget()
            with self.connection.cursor() as db:
                found = projections.active(db, model)
            assert found is not None
            self._leaders[model.name] = leader = found[0]
        leader.enter(self.connection)
        return leader.step(self.connection)

    def follow(self) -> None:
        """Every read model, until nothing is left to apply."""
        until_readable(self.connection)
        for model in self.models:
            while self.step(model):
                pass

    def take(self, *facts: Fact) -> None:
        """Stores and follows."""
        self.store(facts)
        self.follow()

    def rebuild(self) -> None:
        """Every read model anew, by a process that remembers nothing."""
        until_readable(self.connection)
        for model in read_models():
            projections.rebuild(self.connection, model, lambda handled: None)
        self._leaders = {}

    def reap(self, now: datetime) -> int:
        """Closes the calls that are stale at an instant; returns how many."""
        return close_stale(self.connection, now)

    def tell(self) -> int:
        """Tells others of the calls that are over; returns of how many."""
        return tell_of_completed(self.connection, datetime.now(UTC))

    def query(self, use_case: str, actor: Actor = SYSTEM, key: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The answer to a question as it travels; `from_` is sent as `from`."""
        asked = {name.rstrip("_"): _text(value) for name, value in parameters.items() if value is not None}
        message = {"use_case": use_case, "key": key, "parameters": asked, "actor": schemas.dump(actor)}
        return self.dispatcher.query(orjson.loads(orjson.dumps(message)))

    def ask(self, use_case: str, actor: Actor = SYSTEM, **parameters: Any) -> dict[str, Any]:
        """The answer to a question that is not refused."""
        answer = self.query(use_case, actor, **parameters)
        assert "body" in answer, answer
        return dict(orjson.loads(answer["body"]))

    def refusal(self, use_case: str, actor: Actor = SYSTEM, **parameters: Any) -> tuple[str, int]:
        """The code and status with which a question is refused."""
        refused = self.query(use_case, actor, **parameters)["refused"]
        return refused["code"], refused["status"]

    def order(self, use_case: str, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a command came to, given by somebody who has just read the thing."""
        shown = self.query({"ConfigureQueue": "QueueOf", "ConfigureSource": "SourceOf"}[use_case], key=key)
        message = {
            "use_case": use_case,
            "key": key,
            "body": dict(body),
            "command_id": str(uuid4()),
            "actor": schemas.dump(SYSTEM),
            "expected_version": shown["version"],
        }
        answer = self.dispatcher.execute(message)
        assert "refused" not in answer, answer
        return answer

    def configure_queue(self, queue: str, *, timezone: str = "UTC", **policy: Any) -> None:
        """Sets a queue's zone, and adopts a policy where one is given."""
        body: dict[str, Any] = {"timezone": timezone}
        if policy:
            body["service_level"] = {"effective_from": "2000-01-01T00:00:00Z", **policy}
        self.order("ConfigureQueue", queue, body)
        self.follow()

    def tables(self) -> dict[str, list[str]]:
        """Every row of every read model in use, as text."""
        views = [view for (view,) in self.connection.execute(VIEWS)]
        return {view: self.rows(f"read.{view}") for view in views}

    def rows(self, table: str) -> list[str]:
        """Every row of a table, as text."""
        rows = self.connection.execute(f'SELECT row::text COLLATE "C" FROM {table} AS row ORDER BY 1')  # noqa: S608
        return [row for (row,) in rows]


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def call_fact(call_id: str, kind: str, at: datetime, data: Fact | None = None, **fields: Any) -> dict[str, Any]:
    """A fact of a call of pbx1 as it is sent; its id is unique as long as a call has one fact of a kind and instant."""
    return {
        "id": f"{call_id} {kind} {at.isoformat()}",
        "source": "pbx1",
        "type": f"call.{kind}",
        "call_id": call_id,
        "occurred_at": at.isoformat(),
        "data": dict(data) if data else None,
        **fields,
    }


def stream_of(calls: RunningCalls, call_id: str) -> UUID:
    """The id of a call in read models."""
    (found,) = calls.connection.execute("SELECT id FROM read.calls WHERE call_id = %s", (call_id,)).fetchone()
    return UUID(str(found))
