"""The declared use cases of the services as endpoints: authorise, validate, call the service, answer."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson

from gateway.bodies import parsed
from gateway.callers import Caller
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.exports.exporting import export, forms_of
from gateway.exports.forms import Form, wanted_form
from gateway.forms import MOST_ITEMS
from gateway.idempotency import Answer, IdempotencyKeys, Identity, digest_of
from gateway.problems import Problem, invalid
from gateway.rpc import RpcClient
from gateway.service_calls import ask
from services.kernel import schemas
from services.kernel.actors import as_sent
from services.kernel.declarations import Api, UseCase
from services.kernel.values import FieldError

_ETAG = re.compile(rb'"(0|[1-9][0-9]{0,8})"')
_POSITION = re.compile(rb"[0-9]{1,19}\.[0-9]{1,19}")
UNKNOWN_OUTCOMES = frozenset({500, 503, 504})

Message = dict[str, Any]
# What is wrong with a valid order that only the gateway can know, such as an endpoint that it names.
Admission = Callable[[Message], Awaitable[list[FieldError]]]


class Routes:
    """Makes endpoints of what services declare; `admissions` are by the prefix of a kind of thing."""

    def __init__(
        self, rpc: RpcClient, keys: IdempotencyKeys, admissions: Mapping[str, Admission] | None = None
    ) -> None:
        self._rpc, self._keys, self._admissions = rpc, keys, admissions or {}

    def of(self, api: Api) -> Iterator[Entry]:
        """The endpoints of one service."""
        for case in api.public_use_cases:
            if case.shows:
                yield Entry("GET", f"{case.path}/history", partial(self._show, case, history=True))
                yield Entry("GET", case.path, partial(self._show, case))
            elif case.kind == "query":
                yield Entry("GET", case.path, partial(self._query, case))
            else:
                yield Entry(case.method, case.path, partial(self._command, case))

    async def _query(self, case: UseCase, exchange: Exchange) -> None:
        parameters = _parameters(exchange)
        form = _form(exchange, *forms_of(case))
        if form != "json":
            await export(case, exchange, form, parameters, lambda page: self._asked(case, exchange, page))
            return
        body = (await self._asked(case, exchange, parameters))["body"].encode()
        await exchange.answer(200, body, headers=exchange.link_to(_next(case, body)))

    async def _show(self, case: UseCase, exchange: Exchange, *, history: bool = False) -> None:
        _form(exchange, "json")
        parameters = _parameters(exchange)
        as_of = None if history else parameters.pop("as_of", None)
        thing = {"key": _key(case, exchange), "as_of": as_of, "history": history}
        answer = await self._asked(case, exchange, parameters, thing)
        version = answer.get("version")
        etag = [] if version is None else [(b"etag", b'"%d"' % version)]
        await exchange.answer(200, answer["body"].encode(), headers=etag)

    async def _asked(
        self, case: UseCase, exchange: Exchange, parameters: Message, thing: Message | None = None
    ) -> Message:
        """What the service answers to a question; about a `thing` where it is one that is shown."""
        past = thing is not None and bool(thing["history"] or thing["as_of"])
        caller = _allowed(case, exchange, past=past)
        _valid(case, parameters)
        message = {
            "use_case": case.name,
            "parameters": parameters,
            "actor": as_sent(caller.actor),
            "min_position": _min_position(exchange),
            **(thing or {}),
        }
        return await ask(self._rpc, exchange, case.service, "query", message, deadline=case.patience)

    async def _command(self, case: UseCase, exchange: Exchange) -> None:
        caller = _allowed(case, exchange)
        body = await exchange.body()
        order = parsed(body)
        if case.each:
            _check_items(order)  # each of them is judged by itself
        else:
            _valid(case, order)
        expected = expected_version(exchange)
        given = exchange.headers.get(b"idempotency-key")
        identity = await self._keys.begin(
            caller.actor.id,
            None if given is None else given.decode("latin-1"),
            digest_of(case.method, exchange.scope["path"], body),
        )
        if isinstance(identity, Answer):
            await give(exchange, identity, replayed=True)
            return
        message = {
            "use_case": case.name,
            "key": _key(case, exchange) or str(identity.thing_id),
            "body": order,
            "command_id": str(identity.command_id),
            "actor": as_sent(caller.actor),
            "expected_version": expected,
        }
        await give(exchange, await self._carry_out(case, exchange, message, identity))

    async def _carry_out(self, case: UseCase, exchange: Exchange, message: Message, identity: Identity) -> Answer:
        admission = self._admissions.get(case.things.prefix) if case.things else None
        try:
            if admission and (faults := await admission(message["body"])):
                raise invalid(*faults)
            done = await ask(self._rpc, exchange, case.service, "execute", message)
        except Problem as problem:
            if problem.status in UNKNOWN_OUTCOMES:
                await self._keys.finish(identity, None)
                raise
            answer = _refused(exchange, problem)
        else:
            answer = _each_answered(exchange, done) if case.each else _answered(case, exchange, done)
        await self._keys.finish(identity, answer)
        return answer


def _refused(exchange: Exchange, problem: Problem) -> Answer:
    headers = {**problem.headers, "content-type": "application/problem+json"}
    return Answer(problem.status, headers, problem.body(exchange.request_id))


def _answered(case: UseCase, exchange: Exchange, done: Message) -> Answer:
    headers = {"etag": f'"{done["version"]}"', "content-type": "application/json"}
    if done["created"]:
        headers["location"] = _location(case, exchange, done["id"])
    shown = {name: done[name] for name in ("id", "version", "position")}
    return Answer(201 if done["created"] else 200, headers, orjson.dumps(shown))


def _each_answered(exchange: Exchange, done: Message) -> Answer:
    if not done["accepted"]:
        return _refused(exchange, Problem("request.none_acceptable", errors=done["rejected"]))
    shown = {name: done[name] for name in ("accepted", "rejected", "position")}
    return Answer(200, {"content-type": "application/json"}, orjson.dumps(shown))


def _allowed(case: UseCase, exchange: Exchange, *, past: bool = False) -> Caller:
    """The caller, who holds the scope and may ask for this at all.

    Clients of the centre are not shown the `past` of a thing: it may have been somebody else's.
    """
    caller = exchange.require(case.scope)
    if not case.open_to(caller.actor) or (past and caller.actor.party == "client"):
        raise Problem("auth.not_allowed", "This is not open to clients of the centre.")
    return caller


async def give(exchange: Exchange, answer: Answer, *, replayed: bool = False) -> None:
    """Sends an answer, as it is kept for a repeat of its request."""
    headers = {**answer.headers, **({"idempotency-replayed": "true"} if replayed else {})}
    media_type = headers.pop("content-type").encode()
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await exchange.answer(answer.status, answer.body, media_type, encoded)


def _form(exchange: Exchange, *offered: Form) -> Form:
    """The form that is answered in, of those that are offered."""
    return wanted_form(exchange.headers.get(b"accept", b""), offered)


def _parameters(exchange: Exchange) -> dict[str, Any]:
    """Path and query parameters; the path's win."""
    return {**exchange.in_query(), **exchange.in_path}


def _valid(case: UseCase, content: Any) -> None:
    made = schemas.load(case.shape, content, lenient=case.kind == "query")
    if isinstance(made, list):
        raise invalid(*made)


def _check_items(order: Any) -> None:
    items = order.get("items") if isinstance(order, dict) else None
    if not isinstance(items, list) or order.keys() != {"items"}:
        raise invalid(FieldError("/items", "invalid_field", "Give one object, with a list of `items`."))
    if not items:
        raise Problem("request.empty")
    if len(items) > MOST_ITEMS:
        raise Problem("request.too_many_items", f"Send at most {MOST_ITEMS} items in one request.")


def _key(case: UseCase, exchange: Exchange) -> str | None:
    """The id or name of the thing in the path, if the path has one."""
    return exchange.in_path.get(case.things.id) if case.things else None


def expected_version(exchange: Exchange) -> int | None:
    """The version that If-Match names; None where there is none."""
    given = exchange.headers.get(b"if-match")
    if given is None:
        return None
    etag = _ETAG.fullmatch(given.strip())
    if etag is None:
        raise Problem("request.malformed_header", 'If-Match is one ETag as it was shown, such as "3".')
    return int(etag[1])


def _min_position(exchange: Exchange) -> str | None:
    given = exchange.headers.get(b"plateau-min-position")
    if given is None:
        return None
    try:
        position = base64.b64decode(given + b"=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        position = b""
    if not _POSITION.fullmatch(position):
        raise Problem("request.malformed_header", "Plateau-Min-Position is a position as a command answered it.")
    return given.decode()


def _next(case: UseCase, body: bytes) -> str | None:
    fields = getattr(case.returns, "__dataclass_fields__", {})
    return orjson.loads(body)["next"] if "next" in fields else None


def _location(case: UseCase, exchange: Exchange, thing_id: str) -> str:
    path, key = exchange.scope["path"], _key(case, exchange)
    if key and case.things and case.things.people:
        return quote(path.replace(key, thing_id))  # the answer is kept, and the key may be a number
    return quote(path) if key else f"{quote(path)}/{quote(thing_id)}"
