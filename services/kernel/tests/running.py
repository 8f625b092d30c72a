"""A service without the bus: it is given orders and told events, its read models follow when told to."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.kernel import projections, schemas
from services.kernel.cloud_events import Received, source_of
from services.kernel.database import Connection, Pool, connect, open_pool
from services.kernel.decider import SYSTEM
from services.kernel.inbox import Inbox
from services.kernel.privacy import MasterKey
from services.kernel.projections import Generation, Projection
from services.kernel.service import Dispatcher
from services.kernel.tests.horizon import until_readable
from services.kernel.values import Actor

Answer = dict[str, Any]

MASTER = MasterKey.from_text(base64.b64encode(bytes(range(32))).decode())


class RunningService:
    """What tests do with a service. `connection` is that of the process that follows with `read_models()`."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        read_models: Callable[[], Sequence[Projection]],
        connection: Connection,
        inbox: Inbox | None = None,
    ) -> None:
        self.dispatcher, self.inbox, self.connection = dispatcher, inbox, connection
        self._read_models, self.models = read_models, read_models()
        self.build()

    def build(self) -> None:
        """Every read model, empty and in use."""
        self._leaders: dict[str, Generation] = {}
        for model in self.models:
            projections.bring_into_use(self.connection, projections.create(self.connection, model))

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

    def rebuild(self) -> None:
        """Every read model anew, by a process that remembers nothing."""
        until_readable(self.connection)
        for model in self._read_models():
            projections.rebuild(self.connection, model, lambda handled: None)
        self._leaders = {}

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

    def execute(self, use_case: str, key: str, body: Mapping[str, Any], by: Actor = SYSTEM, **more: Any) -> Answer:
        """What a command comes to; `more` may have its `command_id` and its `expected_version`."""
        message = {
            "use_case": use_case,
            "key": key,
            "body": dict(body),
            "command_id": str(uuid4()),
            "actor": schemas.dump(by),
            "expected_version": None,
            **more,
        }
        return self.dispatcher.execute(orjson.loads(orjson.dumps(message)))

    def order(self, use_case: str, key: str, body: Mapping[str, Any], by: Actor = SYSTEM, **more: Any) -> Answer:
        """What a command comes to that is not refused."""
        answer = self.execute(use_case, key, body, by, **more)
        assert "refused" not in answer, answer
        return answer

    def hear(
        self,
        source: str,
        kind: str,
        data: Mapping[str, Any],
        subject: str,
        revision: int | None = None,
        *,
        event_id: UUID | None = None,
    ) -> None:
        """Takes what another service tells, and follows."""
        assert self.inbox is not None
        told = Received(
            event_id or uuid4(), source_of(source), kind, subject, datetime.now(UTC), dict(data), revision
        )  # fmt: skip
        self.inbox.take([told])
        self.follow()


@contextmanager
def running(
    url: str,
    dispatcher: Callable[[Pool, MasterKey], Dispatcher],
    inbox: Callable[[Pool, MasterKey], Inbox],
    read_models: Callable[[], Sequence[Projection]],
) -> Iterator[RunningService]:
    """The service that these are the parts of, on a database at `url`."""
    with open_pool(url, "test", size=8) as pool, connect(url, "test follower") as connection:
        yield RunningService(dispatcher(pool, MASTER), read_models, connection, inbox(pool, MASTER))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
