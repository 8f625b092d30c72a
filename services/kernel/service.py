"""What stands behind the two RPC methods of every service: `execute` for commands, `query` for questions.

It does not know the framework that carries the messages. Messages and answers are plain JSON data; a refusal is an
answer too (`{"refused": {…}}`), never an exception that crosses the bus.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from marshmallow import ValidationError

from services.kernel import projections, schemas, store, traces
from services.kernel.actors import as_received
from services.kernel.answers import encode
from services.kernel.cursors import BadCursor, bound, unbound
from services.kernel.database import Cursor, Pool
from services.kernel.decider import Context, Rejected, changed
from services.kernel.declarations import Api, Things, UseCase
from services.kernel.feed import public_events
from services.kernel.following import Waker
from services.kernel.lists import Paged
from services.kernel.positions import as_text, from_text
from services.kernel.privacy import Keyring
from services.kernel.progress import progress
from services.kernel.projections import Projection
from services.kernel.refusals import Answer, not_valid, nothing_here, refusal_of, refused, verdict
from services.kernel.store import Conflict, Position
from services.kernel.things import Effects, Loaded, Order, ThingStore
from services.kernel.upcasting import Upcaster
from services.kernel.values import Actor, FieldError
from services.kernel.wire import Instant, rfc3339

log = structlog.get_logger(__name__)

Message = Mapping[str, Any]
Sees = Callable[[Cursor, Actor, str], bool]
# `(db, actor, state, command or None)`: why the actor may not give that command, or see a thing of that state.
Admission = Callable[[Cursor, Actor, Any, Any], Rejected | None]

NO_KEY = "There can be nothing of that id or name."
DECISIONS = 5  # how often a command that named no version is decided anew after a conflict
POSITION_WAIT_SECONDS = 2.0
POSITION_POLL_SECONDS = 0.01


class Dispatcher:
    """Executes the commands and answers the queries that an `Api` declares.

    `admissions` are, by prefix of a kind of thing, what its rule cannot decide: whether what a command names is there,
    and is the actor's to know of.
    """

    def __init__(
        self,
        api: Api,
        *,
        read_models: Sequence[Projection],
        readers: Sequence[object],
        pool: Pool,
        keyring: Keyring,
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
        effects: Effects | None = None,
        sees: Mapping[str, Sees] | None = None,
        admissions: Mapping[str, Admission] | None = None,
    ) -> None:
        """`sees` says by the prefix of a kind of thing whether an actor may know of the one of an id or name.

        Without a rule of its own a kind is not shown to clients of the centre.
        """
        self._sees = sees or {}
        self._api, self._read_models, self._pool, self._keyring = api, read_models, pool, keyring
        self._upcasters, self._admissions = upcasters or {}, admissions or {}
        self._things = ThingStore(keyring, self._upcasters, effects or {})
        self._answers, self._waker = projections.answers_of(readers), Waker()
        unanswered = [
            case.name
            for case in api.use_cases.values()
            if case.kind == "query" and not case.shows and case.shape not in self._answers
        ]
        if unanswered:
            raise TypeError(f"{api.name} declares queries that no projection answers: {', '.join(unanswered)}")

    def execute(self, message: Message) -> Answer:
        """Carries a command out.

        `message`: use_case, key (id or name of the thing), body, command_id, actor, expected_version (or null).
        Answers {id, version, position, created} or {refused}.
        """
        answer = self._execute(message)
        log.debug("command.executed", **_told(message, answer))
        return answer

    def _execute(self, message: Message) -> Answer:
        case = self._api.use_cases[message["use_case"]]
        actor = as_received(message["actor"])
        if case.each:
            return self._execute_each(case, case.each, message, actor)
        command = schemas.load(case.shape, message["body"])
        if isinstance(command, list):
            return refused("request.invalid", "Some fields are not valid.", 422, command)
        with self._pool.connection() as connection, connection.cursor() as db:
            for _ in range(DECISIONS):
                try:
                    return self._attempt(db, case, message, command, actor)
                except Conflict:
                    continue
        return refused("request.conflict", "Others change this thing at the same time; repeat.", 409)

    def _attempt(self, db: Cursor, case: UseCase, message: Message, command: Any, actor: Actor) -> Answer:
        things, expected = case.things, message["expected_version"]
        assert things is not None  # noqa: S101 - a command is always on a kind of thing
        key = things.key_of(case, command, message["key"])
        if not things.can_be(key):
            return not_valid(f"/{things.id}", NO_KEY)
        if not self._is_seen(db, things, actor, key):
            return nothing_here()
        if unknown := self._unknown_names(db, case, command):
            return refusal_of(unknown)
        if things.people:
            key = str(self._keyring.subject(key))
        loaded = self._things.load(db, things, key)
        if unfit := self._unfit(db, things, actor, loaded, command):
            return refusal_of(unfit)
        ctx = Context(datetime.now(UTC), actor, UUID(message["command_id"]), key, traceparent=traces.current())
        repeated = any(event.metadata.get("command_id") == message["command_id"] for event in loaded.events)
        if not repeated and (stale := self._precondition(case, loaded, expected)):
            return stale
        done = self._things.decide(db, things, loaded, command, ctx)
        if isinstance(done, Rejected):
            return refusal_of(done)
        self._waker.wake(db)
        return {"id": key, "version": done.version, "position": as_text(done.position), "created": done.created}

    def _execute_each(self, case: UseCase, each: type, message: Message, actor: Actor) -> Answer:
        """Carries the commands of a bulk command out: answers {accepted, rejected, position}."""
        commands = [schemas.load(each, item) for item in message["body"]["items"]]
        faults = {index: made for index, made in enumerate(commands) if isinstance(made, list)}
        orders = {
            index: _item_order(case, message, actor, index, command)
            for index, command in enumerate(commands)
            if index not in faults
        }
        with self._pool.connection() as connection, connection.cursor() as db:
            for _ in range(DECISIONS):
                try:
                    refusals, position = self._things.decide_each(db, list(orders.values()))
                except Conflict:
                    continue
                self._waker.wake(db)
                for index, refusal in zip(orders, refusals, strict=True):
                    if refusal is not None:
                        faults[index] = [FieldError(refusal.pointer or "", refusal.code, refusal.detail)]
                rejected = [verdict(index, *found) for index, found in sorted(faults.items())]
                accepted = len(commands) - len(rejected)
                return {"accepted": accepted, "rejected": rejected, "position": as_text(position)}
        return refused("request.conflict", "Others change these things at the same time; repeat.", 409)

    def _is_seen(self, db: Cursor, things: Things, actor: Actor, key: str) -> bool:
        if not things.open_to(actor, key):
            return False
        if not actor.is_limited:
            return True
        rule = self._sees.get(things.prefix)
        if rule is None:
            return actor.party != "client"
        with db.connection.transaction():
            db.execute(projections.READ_VIEWS)
            return rule(db, actor, key)

    @staticmethod
    def _unknown_names(db: Cursor, case: UseCase, command: Any) -> Rejected | None:
        for field, (kind, code) in (case.names or {}).items():
            name = getattr(command, field)
            if name is not None and not (kind.can_be(name) and store.heads(db, [kind.stream(name)])):
                return Rejected(code, f"There is no {kind.id} of that name.", 422, f"/{field}")
        return None

    def _unfit(self, db: Cursor, things: Things, actor: Actor, loaded: Loaded, command: Any = None) -> Rejected | None:
        admission = self._admissions.get(things.prefix)
        if admission is None:
            return None
        with db.connection.transaction():
            db.execute(projections.READ_VIEWS)
            return admission(db, actor, loaded.state, command)

    @staticmethod
    def _precondition(case: UseCase, loaded: Loaded, expected: int | None) -> Answer | None:
        if expected is None and case.guarded and loaded.events:
            return refused("request.if_match_missing", f"Send If-Match with its version, {loaded.version}.", 428)
        if expected is not None and expected != loaded.version:
            return refused("request.version_stale", f"It is at version {loaded.version} now; read it again.", 412)
        return None

    def query(self, message: Message) -> Answer:
        """Answers a question.

        `message`: use_case, parameters, actor, min_position (or null); for a thing that is shown also key, as_of and
        history. Answers {body: JSON text, version (of a thing that is shown)} or {refused}.
        """
        answer = self._query(message)
        log.debug("query.answered", **_told(message, answer))
        return answer

    def _query(self, message: Message) -> Answer:
        case = self._api.use_cases[message["use_case"]]
        actor = as_received(message["actor"])
        with self._pool.connection() as connection, connection.cursor() as db:
            if case.shows:
                return self._show(db, case, message, actor)
            question = schemas.load(case.shape, message["parameters"], lenient=True)
            if isinstance(question, list):
                return refused("request.invalid", "Some parameters are not valid.", 422, question)
            if message.get("min_position") and not self._reached(db, from_text(message["min_position"])):
                return refused("request.position_not_reached", "The reports are not that far yet.", 503, retry_after=1)
            return self._answer(db, case, question, actor)

    def read(self, question: Callable[[Cursor], Any]) -> Any:
        """What a function finds in the database."""
        with self._pool.connection() as connection, connection.cursor() as db:
            return question(db)

    def events(self, **wanted: Any) -> dict[str, Any]:
        """Public events, from a place in their order on: `after`, `types` and `limit` as of `public_events`."""
        return dict(self.read(lambda db: public_events(db, self._api, self._upcasters, **wanted)))

    def progress(self) -> dict[str, Any]:
        """How far all that follows the events is behind them."""
        return dict(self.read(lambda db: progress(db, self._api, self._read_models)))

    def _answer(self, db: Cursor, case: UseCase, question: Any, actor: Actor) -> Answer:
        listed = _listed(case, question)
        try:
            if listed and question.cursor:
                question = changed(question, cursor=unbound(question.cursor, listed))
            with db.connection.transaction():
                db.execute(projections.READ_VIEWS)
                answer = self._answers[case.shape](question, db, actor)
        except BadCursor as error:
            if error.expired:
                return refused("request.cursor_expired", "The cursor has expired; begin the list anew.", 410)
            return not_valid("/cursor", "Send a cursor as a list gave it, with the same filters.")
        if answer is None:
            return nothing_here()
        if isinstance(answer, Rejected):
            return refusal_of(answer)
        if listed and answer.next:
            answer = changed(answer, next=bound(answer.next, listed))
        return {"body": encode(answer)}

    def _show(self, db: Cursor, case: UseCase, message: Message, actor: Actor) -> Answer:
        things, key = case.things, message["key"]
        assert things is not None  # noqa: S101 - only things are shown
        assert things.view is not None  # noqa: S101
        if not things.can_be(key):
            return not_valid(f"/{things.id}", NO_KEY)
        try:
            as_of = Instant().deserialize(message["as_of"]) if message.get("as_of") else None
        except ValidationError as error:
            return not_valid("/as_of", str(error.args[0]))
        if as_of is not None and not store.has_passed(db, as_of):
            return refused("request.not_yet_known", "Something may still be recorded by then; ask later.", 409)
        if not self._is_seen(db, things, actor, key):
            return nothing_here()
        loaded = self._things.load(db, things, key, as_of)
        if not (loaded.events or things.named):
            return nothing_here()
        if unfit := self._unfit(db, things, actor, loaded):
            return refusal_of(unfit)
        if message.get("history"):
            hidden = {name for cls in things.events.values() for name in schemas.personal_fields(cls)}
            return {"body": encode({"items": [_past(event, hidden) for event in loaded.events], "next": None})}
        shown = {
            **schemas.dump(things.view(key, loaded.state)),
            "allowed_actions": things.allowed_actions(actor, loaded.state),
        }
        return {"body": encode(shown), "version": loaded.version}

    def _reached(self, db: Cursor, position: Position) -> bool:
        deadline = time.monotonic() + POSITION_WAIT_SECONDS
        while projections.behind(db, self._read_models, position):
            if time.monotonic() > deadline:
                return False
            time.sleep(POSITION_POLL_SECONDS)
        return True


def _listed(case: UseCase, question: Any) -> str | None:
    """What is asked of a list, the same for all of its pages; None where it is no list."""
    return f"{case.name} {changed(question, cursor=None, limit=1)}" if isinstance(question, Paged) else None


def _item_order(case: UseCase, message: Message, actor: Actor, index: int, command: Any) -> tuple[Order, Context]:
    """An item of a bulk command, under a command id of its own that is the same whenever the whole is repeated."""
    assert case.things is not None  # noqa: S101 - a command is always on a kind of thing
    key, own = case.things.key_of(case, command, ""), uuid5(UUID(message["command_id"]), str(index))
    return Order(case.things, key, command), Context(datetime.now(UTC), actor, own, key, traceparent=traces.current())


def _told(message: Message, answer: Answer) -> dict[str, Any]:
    """What a log line says: nothing that could tell of a person."""
    return {"use_case": message["use_case"], "refused": answer["refused"]["code"] if "refused" in answer else None}


def _past(event: Any, hidden: set[str]) -> dict[str, Any]:
    data = {name: value for name, value in event.data.items() if name not in hidden and name != "sealed"}
    return {
        "version": event.version,
        "type": event.type,
        "data": data,
        "actor": event.metadata.get("actor"),
        "occurred_at": rfc3339(event.occurred_at),
        "recorded_at": rfc3339(event.recorded_at),
    }
