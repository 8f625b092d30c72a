"""`/v1/dead-letters`: what was put aside, to be looked at and sent again."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.problems import Problem, invalid
from services.kernel import cursors, schemas
from services.kernel.answers import encode
from services.kernel.cursors import BadCursor
from services.kernel.dead_letters import DeadLetterSummary
from services.kernel.dead_queues import DeadQueues, NotTaken
from services.kernel.decider import values
from services.kernel.values import FieldError, Length, Range, Unavailable

T = TypeVar("T")

PATH = "/v1/dead-letters"


@values
class DeadLettersOf:
    """List what was put aside, of one queue or of all, the oldest first, without its content."""

    queue: Annotated[str | None, Length(1, 200)] = None
    limit: Annotated[int, Range(1, 500)] = 100
    cursor: str | None = None


@values
class DeadLetterList:
    """A page of them."""

    items: tuple[DeadLetterSummary, ...]
    next: str | None


@values
class Replayed:
    """A message is back in its queue."""

    id: str
    queue: str


class DeadLetters:
    """Shows and replays them; each request reads in a thread of its own, for it waits for the broker."""

    def __init__(self, queues: DeadQueues) -> None:
        self._queues = queues

    def entries(self) -> Iterator[Entry]:
        """The endpoints."""
        yield Entry("GET", PATH, self.list)
        yield Entry("GET", f"{PATH}/{{id}}", self.show)
        yield Entry("POST", f"{PATH}/{{id}}/replay", self.replay)

    async def list(self, exchange: Exchange) -> None:
        """A page, the oldest first."""
        exchange.require_all("dead-letters:read")
        asked = schemas.load(DeadLettersOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        if asked.queue is not None and asked.queue not in self._queues.queues:
            raise invalid(FieldError("/queue", "invalid_field", f"There are {', '.join(self._queues.queues)}."))
        now = datetime.now(UTC)
        after = None if asked.cursor is None else _place(asked.cursor, now)
        found = await _unless_away(self._queues.page, asked.limit + 1, after, asked.queue)
        shown = found[: asked.limit]
        more = cursors.encode(now, *shown[-1].place) if len(found) > asked.limit else None
        page = DeadLetterList(tuple(letter.summary() for letter in shown), more)
        await exchange.answer(200, encode(page).encode(), headers=exchange.link_to(more))

    async def show(self, exchange: Exchange) -> None:
        """One with its content."""
        exchange.require_all("dead-letters:read")
        letter = await _unless_away(self._queues.find, exchange.in_path["id"])
        if letter is None:
            raise Problem("request.not_found")
        await exchange.answer(200, encode(letter.shown()).encode())

    async def replay(self, exchange: Exchange) -> None:
        """Sends one to where it came from."""
        exchange.require_all("dead-letters:replay")
        wanted, sent = exchange.in_path["id"], []
        await _unless_away(self._queues.replay, lambda letter: letter.id == wanted, None, sent.append)
        if not sent:
            raise Problem("request.not_found")
        await exchange.answer(200, encode(Replayed(wanted, sent[0].queue)).encode())


async def _unless_away(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except Unavailable as error:
        raise Problem("service.unavailable", str(error)) from error
    except NotTaken as error:
        raise Problem("dead_letter.not_taken", str(error)) from error


def _place(cursor: str, now: datetime) -> tuple[float, str]:
    try:
        seconds, letter = cursors.decode(cursor, now, float, str)
    except BadCursor as error:
        if error.expired:
            raise Problem("request.cursor_expired") from error
        raise invalid(FieldError("/cursor", "invalid_field", "Send a cursor as a list gave it.")) from error
    return seconds, letter
