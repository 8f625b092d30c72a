"""`/openapi.json`, `/asyncapi.json`, `/docs` and `/v1/errors`."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import orjson

from gateway.adapters import Adapter
from gateway.codes import catalogue
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from services.kernel.declarations import Api

PAGES = frozenset({"/openapi.json", "/asyncapi.json", "/docs", "/docs/style.css", "/v1/errors"})


class Documentation:
    """The contract of this build, made when it is first asked for: it costs memory that few processes need."""

    def __init__(self, apis: Sequence[Api], adapters: Sequence[Adapter]) -> None:
        self._apis = apis
        self._adapters = adapters

    def entries(self) -> Iterator[Entry]:
        """The endpoints; all of them are public."""
        yield Entry("GET", "/openapi.json", self.openapi)
        yield Entry("GET", "/asyncapi.json", self.asyncapi)
        yield Entry("GET", "/docs", self.docs)
        yield Entry("GET", "/docs/style.css", self.style)
        yield Entry("GET", "/v1/errors", self.errors)

    @cached_property
    def _openapi(self) -> bytes:
        from gateway.openapi import document  # noqa: PLC0415
        from gateway.own_operations import OwnOperations  # noqa: PLC0415

        return orjson.dumps(document(self._apis, [OwnOperations(self._apis, self._adapters)]))

    async def openapi(self, exchange: Exchange) -> None:
        """The OpenAPI document."""
        await exchange.answer(200, self._openapi)

    async def asyncapi(self, exchange: Exchange) -> None:
        """The AsyncAPI document."""
        from gateway.asyncapi import document  # noqa: PLC0415

        await exchange.answer_json(200, document(self._apis))

    async def docs(self, exchange: Exchange) -> None:
        """The document as a page."""
        from gateway.docs_page import page  # noqa: PLC0415

        await exchange.answer(200, page(orjson.loads(self._openapi)).encode(), b"text/html; charset=utf-8")

    async def style(self, exchange: Exchange) -> None:
        """The page's style sheet."""
        from gateway.docs_page import STYLE  # noqa: PLC0415

        await exchange.answer(200, STYLE, b"text/css; charset=utf-8")

    async def errors(self, exchange: Exchange) -> None:
        """Every problem code."""
        await exchange.answer_json(200, catalogue())
