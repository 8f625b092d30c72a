"""Posting until it is acknowledged, however long Plateau is away."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Event
from types import TracebackType
from typing import Any, Self

import httpx

from infra.shipping.keeping import Folder
from services.kernel.backoff import pauses

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # seconds between tries
LONGEST_RETRY_AFTER = 600.0
UNMENDABLE = frozenset({400, 413, 415, 422})  # the same body again gets the same answer


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """The shipper was told to stop before the body was acknowledged."""


@dataclass(frozen=True)
class Answer:
    """What became of a body: the verdicts on items that were not taken, or why not one of it was read."""

    rejected: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, Any] | None = None


class Poster:
    """Posts to one Plateau with one key."""

    def __init__(self, url: str, token: str, stopping: Event, timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "plateau-ship"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        self._stopping = stopping

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, _error: BaseException | None, _where: TracebackType | None) -> None:
        self._http.close()

    def post(self, path: str, parameters: Mapping[str, str | int], body: bytes, media_type: str) -> Answer:
        """The answer to a body; it is repeated unchanged until there is one.

        Raises:
            Stopped: the shipper was told to stop meanwhile.
        """
        waits = pauses(0.5, LONGEST_PAUSE)
        while not self._stopping.is_set():
            try:
                answer = self._http.post(path, params=parameters, content=body, headers={"Content-Type": media_type})
            except httpx.TransportError as error:
                reason, asked = f"Plateau cannot be reached ({error or type(error).__name__})", None
            else:
                if answer.status_code == 202:
                    return Answer(rejected=answer.json()["rejected"])
                if answer.status_code in UNMENDABLE:
                    return _refusal(answer)
                reason, asked = _said(answer), _retry_after(answer)
            pause = next(waits) if asked is None else asked
            log.warning("%s; %d bytes for %s again in %.1f s", reason, len(body), path, pause)
            self._stopping.wait(pause)
        raise Stopped


class Sender:
    """Sends as one source; what Plateau does not take is written down with its verdict."""

    def __init__(self, source: str, poster: Poster, folder: Folder) -> None:
        self.source, self.folder = source, folder
        self._poster = poster

    def send(self, path: str, body: bytes, media_type: str, items: Sequence[bytes], **place: str | int) -> bool:
        """Sends until it is acknowledged; says whether all `items`, as Plateau counts those of the body, were taken.

        Raises:
            Stopped: the shipper was told to stop meanwhile.
        """
        answer = self._poster.post(path, {"source": self.source, **place}, body, media_type)
        if answer.refused is not None:
            rejected = [
                {**place, "items": [each.decode(errors="replace") for each in items], "problem": answer.refused}
            ]
        else:
            rejected = [
                {**place, "item": items[verdict["index"]].decode(errors="replace"), "verdict": verdict}
                for verdict in answer.rejected
            ]
        if rejected:
            self.folder.reject(rejected)
            log.warning("Plateau did not take everything: look at %s", self.folder.path / "rejected.jsonl")
        log.debug("Sent %d items to %s %s", len(items), path, place or "")
        return not rejected


def _refusal(answer: httpx.Response) -> Answer:
    problem = _problem(answer)
    if problem.get("code") == "request.none_acceptable":
        return Answer(rejected=problem["errors"])
    return Answer(refused=problem)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {"status": answer.status_code, "detail": answer.text[:500]}


def _said(answer: httpx.Response) -> str:
    problem = _problem(answer)
    remedy = {401: "check PLATEAU_TOKEN", 403: "the key needs calls:ingest, and this source", 404: "check --url"}
    told = problem.get("detail") or problem.get("title") or answer.reason_phrase
    return f"Plateau answered {answer.status_code}: {remedy.get(answer.status_code, told)}"


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait; None where it asks for nothing (RFC 9110, section 10.2.3)."""
    given = answer.headers.get("Retry-After", "")
    if given.isdecimal():
        return min(float(given), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(given)
        now = parsedate_to_datetime(answer.headers["Date"])
    except (ValueError, TypeError, KeyError):
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
