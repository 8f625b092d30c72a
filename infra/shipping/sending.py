"""Sending as one source, such that one line that cannot be taken never keeps the others."""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

from infra.shipping.keeping import Folder
from infra.shipping.posting import Answer, Failing, Poster

log = logging.getLogger(__name__)

# Bodies at which Plateau fails, one after the other, until it is taken for broken: enough to find two bad lines among
# some thousands by halving.
MOST_FAILURES = 40


@dataclass(frozen=True)
class Parcel:
    """A body and where it goes. One of `lines` can be divided; the `offset` in its place is then that of each part."""

    path: str
    body: bytes
    media_type: str
    lines: bool = True
    place: dict[str, str | int] = field(default_factory=dict)

    def items(self) -> list[bytes]:
        """What Plateau counts in it."""
        return [line for line in self.body.split(b"\n") if _is_written(line)] if self.lines else [self.body]

    def halves(self) -> "tuple[Parcel, Parcel] | None":
        """Its two halves; None of one line."""
        middle = self.body.rfind(b"\n", 0, len(self.body) // 2 + 1) + 1 or self.body.find(b"\n") + 1
        if not self.lines or middle in (0, len(self.body)):
            return None
        place = dict(self.place)
        if isinstance(begin := place.get("offset"), int):
            place["offset"] = begin + middle
        return replace(self, body=self.body[:middle]), replace(self, body=self.body[middle:], place=place)


class Sender:
    """Sends as one source; what Plateau does not take is written down with its verdict."""

    def __init__(self, source: str, poster: Poster, folder: Folder) -> None:
        self.source, self.folder = source, folder
        self._poster = poster

    def send(self, parcel: Parcel) -> bool:
        """Sends until it is acknowledged; says whether all of its items were taken.

        What is too large, or what Plateau fails at, is sent in halves; a line at which it fails alone is written down
        and passed over, if it takes the others.

        Raises:
            Stopped: the shipper was told to stop meanwhile.
            Failing: Plateau fails at all of it; to be sent again, with what has come since.
            OSError: what was not taken cannot be written down; to be sent again.
        """
        sending = _Sending(self._poster, self.source)
        sending.deliver(parcel)
        rejected = sending.verdicts()
        if rejected:
            self.folder.reject(rejected)
            log.warning("Plateau did not take everything: look at %s", self.folder.path / "rejected.jsonl")
        log.debug("Sent %d bytes to %s %s", len(parcel.body), parcel.path, parcel.place or "")
        return not rejected


class _Sending:
    """One parcel on its way, with what has become of its parts."""

    def __init__(self, poster: Poster, source: str) -> None:
        self._poster, self._source = poster, source
        self._rejected: list[dict[str, Any]] = []
        self._failing: list[tuple[Parcel, Failing]] = []
        self._answered, self._failures = False, 0

    def deliver(self, parcel: Parcel) -> None:
        items = parcel.items()
        if not items:
            return
        try:
            answer = self._poster.post(
                parcel.path, {"source": self._source, **parcel.place}, parcel.body, parcel.media_type
            )
        except Failing as failing:
            self._failures += 1
            if self._failures == MOST_FAILURES:
                raise
            if not self._divided(parcel):
                self._failing.append((parcel, failing))
            return
        self._failures = 0
        if answer.too_large and self._divided(parcel):
            return
        self._answered = True
        self._note(parcel, items, answer)

    def _divided(self, parcel: Parcel) -> bool:
        halves = parcel.halves()
        for half in halves or ():
            self.deliver(half)
        return halves is not None

    def _note(self, parcel: Parcel, items: list[bytes], answer: Answer) -> None:
        if answer.refused is not None:
            lost = [each.decode(errors="replace") for each in items]
            self._rejected.append({**parcel.place, "items": lost, "problem": answer.refused})
        self._rejected += (
            {**parcel.place, "item": items[verdict["index"]].decode(errors="replace"), "verdict": verdict}
            for verdict in answer.rejected
        )

    def verdicts(self) -> list[dict[str, Any]]:
        """What was not taken; raises the first failure where Plateau failed at everything."""
        for parcel, failing in self._failing:
            if not self._answered:
                raise failing
            self._note(parcel, parcel.items(), Answer(refused=failing.problem))
        return self._rejected


def _is_written(line: bytes) -> bool:
    """Whether a line counts as one for Plateau, which passes over blank ones and over holes."""
    return bool(line.lstrip(b"\0").strip())
