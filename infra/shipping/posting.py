"""Posting until it is acknowledged, however long Plateau is away."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Event
from types import TracebackType
from typing import Any, Self

import httpx

from services.kernel.backoff import pauses

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  # seconds between tries
LONGEST_RETRY_AFTER = 600.0
FORBIDDEN, TOO_LARGE = 403, 413
UNMENDABLE = frozenset({400, 413, 415, 422})  # the same body again gets the same answer
# They say nothing of the body: Plateau is away, or does not let this shipper in, or there is something else.
PASSING = frozenset({*range(200, 400), 401, FORBIDDEN, 404, 408, 425, 429, 502, 503, 504})
TRIES = 5


class Stopped(Exception):  # noqa: N818 - nothing is wrong
    """The shipper was told to stop before the body was acknowledged."""


class Failing(Exception):  # noqa: N818 - what Plateau does
    """Plateau has failed at a body several times: either it is broken, or it cannot bear this body."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"Plateau fails: {problem.get('detail') or problem.get('title') or problem}")
        self.problem = dict(problem)


@dataclass(frozen=True)
class Answer:
    """What became of a body: the verdicts on items that were not taken, or why not one of it was read."""

    rejected: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, Any] | None = None
    too_large: bool = False


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
            Failing: it failed several times with this body, so that others should have their turn.
        """
        waits, failures = pauses(0.5, LONGEST_PAUSE), 0
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
                failures += not _passes(answer)
                if failures == TRIES:
                    raise Failing(_problem(answer))
            pause = next(waits) if asked is None else asked
            log.warning("%s; %d bytes for %s again in %.1f s", reason, len(body), path, pause)
            self._stopping.wait(pause)
        raise Stopped


def _passes(answer: httpx.Response) -> bool:
    """Whether what the answer tells of has nothing to do with the body; a firewall's own 403 may well have."""
    return answer.status_code in PASSING and (answer.status_code != FORBIDDEN or "code" in _problem(answer))


def _refusal(answer: httpx.Response) -> Answer:
    problem = _problem(answer)
    if problem.get("code") == "request.none_acceptable":
        return Answer(rejected=problem["errors"])
    return Answer(refused=problem, too_large=answer.status_code == TOO_LARGE)


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
