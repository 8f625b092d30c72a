"""`GET /v1/events`: the public events of all services, as one feed that whoever reads it cannot fall out of.

What the services have stored is asked, not the bus, so it reaches back to the beginning and nothing is missed. The
cursor holds a place in each service's own order.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Annotated, Any

import orjson

from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.problems import invalid
from gateway.rpc import RpcClient
from gateway.service_calls import ask
from services.kernel import schemas
from services.kernel.cloud_events import type_of
from services.kernel.decider import values
from services.kernel.declarations import Api
from services.kernel.feed import BEGINNING, LATEST
from services.kernel.values import FieldError, Range

PATH = "/v1/events"
POLL_SECONDS = 0.5  # between two looks while a reader waits

_PLACE = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}", re.ASCII)

Places = dict[str, str]  # in each service's order, by its name


@values
class EventsAfter:
    """Read the public events of all services on, from the beginning or from where the last page ended.

    `after` is the `next` of the page before, or `latest`: only what comes from now on. `types` are full names with
    commas between them, the same from page to page. With `wait`, the answer comes as soon as there is an event, or so
    many seconds later without one.
    """

    after: str | None = None
    types: str | None = None
    limit: Annotated[int, Range(1, 500)] = 100
    wait: Annotated[float, Range(0, 30)] = 0


class EventFeed:
    """Reads the stores of all services that have something to tell."""

    def __init__(self, rpc: RpcClient, apis: Sequence[Api]) -> None:
        self._rpc = rpc
        self._types = {api.name: [type_of(each) for each in api.publications.values()] for api in apis}

    def entries(self) -> Iterator[Entry]:
        """The endpoint."""
        yield Entry("GET", PATH, self.read)

    async def read(self, exchange: Exchange) -> None:
        """The next events; `next` leads on, from the last page too."""
        exchange.require_all("events:read")
        asked = schemas.load(EventsAfter, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        wanted = self._wanted(asked.types)
        places = await self._latest(exchange) if asked.after == LATEST else _places(asked.after)
        loop = asyncio.get_running_loop()
        until = loop.time() + asked.wait
        while True:
            events, places = await self._page(exchange, wanted, places, asked.limit)
            left = until - loop.time()
            if events or left <= 0:
                break
            await asyncio.sleep(min(POLL_SECONDS, left))
        more = _cursor(places)
        await exchange.answer_json(200, {"items": events, "next": more}, exchange.link_to(more, "after"))

    def _wanted(self, types: str | None) -> dict[str, list[str]]:
        """The types to ask each service for."""
        if types is None:
            return {service: told for service, told in self._types.items() if told}
        named = set(types.split(","))
        known = {kind for told in self._types.values() for kind in told}
        if unknown := sorted(named - known):
            detail = f"There is no {', '.join(unknown)}; there are {', '.join(sorted(known))}."
            raise invalid(FieldError("/types", "invalid_field", detail))
        return {service: chosen for service, told in self._types.items() if (chosen := sorted(named & set(told)))}

    async def _latest(self, exchange: Exchange) -> Places:
        """The places behind all that there is, of whatever type."""
        told = await self._ask(exchange, self._wanted(None), dict.fromkeys(self._types, LATEST), 1)
        return {service: answer["reached"] for service, answer in told.items()}

    async def _page(
        self, exchange: Exchange, wanted: Mapping[str, list[str]], places: Places, limit: int
    ) -> tuple[list[Any], Places]:
        """The next events by their time, those of each service in its own order; and the places behind them."""
        told = await self._ask(exchange, wanted, {name: places.get(name, BEGINNING) for name in wanted}, limit)
        follow = [[(service, item) for item in answer["items"]] for service, answer in told.items()]
        page = list(islice(merge(*follow, key=_time), limit))
        behind = {service: answer["reached"] for service, answer in told.items()}
        for service, answer in told.items():
            taken = [item for whose, item in page if whose == service]
            if len(taken) < len(answer["items"]):
                behind[service] = taken[-1]["place"] if taken else places.get(service, BEGINNING)
        return [item["event"] for _, item in page], places | behind

    async def _ask(
        self, exchange: Exchange, wanted: Mapping[str, list[str]], places: Places, limit: int
    ) -> dict[str, dict[str, Any]]:
        questions = [
            ask(self._rpc, exchange, name, "events", {"after": places[name], "types": types, "limit": limit})
            for name, types in wanted.items()
        ]
        return dict(zip(wanted, await asyncio.gather(*questions), strict=True))


def _time(told: tuple[str, dict[str, Any]]) -> datetime:
    return datetime.fromisoformat(told[1]["event"]["time"])


def _cursor(places: Places) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(places)).decode().rstrip("=")


def _places(cursor: str | None) -> Places:
    """The places in a cursor; it never expires, and a service that it does not know of is read from its beginning."""
    if cursor is None:
        return {}
    unknown = invalid(FieldError("/after", "invalid_field", f"Send the `next` of a page before, or `{LATEST}`."))
    try:
        places = dict(orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        known = all(_PLACE.fullmatch(place) for place in places.values())
    except (binascii.Error, ValueError, TypeError) as error:
        raise unknown from error
    if not known:
        raise unknown
    return places
