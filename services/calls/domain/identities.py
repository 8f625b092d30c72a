"""Identities: what an outside system calls an agent, a queue, a customer or a campaign, and who that is here, by date.

One outside name is one thing: its meanings follow each other in time and never overlap, however they were told.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, field
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Length

IDENTITIES = UUID("2f6d7f0a-3c55-5d0e-8e0b-6a5f4c1d9b72")  # never changes: the ids of all outside names hang on it
MOST_AT_ONCE = 5_000

IdentityKind = Literal["agent", "queue", "customer", "campaign"]
Name = Annotated[str, Length(1, 200)]

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@values
class OutsideName:
    """A name as a system uses it; `system` is the name of a source."""

    system: Name
    kind: IdentityKind
    external_id: Name


@values
class Meaning:
    """Who an outside name stands for in a half-open time; None: since ever, for good."""

    internal_id: Name
    _: KW_ONLY
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def begin(self) -> datetime:
        """When it begins, as an instant in any case."""
        return self.valid_from or FIRST

    @property
    def end(self) -> datetime:
        """When it ends, as an instant in any case."""
        return self.valid_to or LAST


Meanings = tuple[Meaning, ...]


@command
class MapIdentity(OutsideName):
    """Say who an outside name stands for, from an instant on, until another, or both.

    What is mapped already stays: an overlap with another inside name is refused. The same again changes nothing.
    """

    internal_id: Name
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@command
class MapIdentities:
    """Map many outside names at once; each is judged by itself, and the good ones are kept."""

    items: Annotated[tuple[MapIdentity, ...], Length(1, MOST_AT_ONCE)]


@command
class CorrectIdentity:
    """Say who an outside name stands for in a time, whatever was said of that time before.

    Without `internal_id` it stands for nobody then: calls show the outside name.
    """

    internal_id: Annotated[str | None, Length(1, 200)] = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@command
class EndIdentity:
    """Say that an outside name stands for nobody from an instant on."""

    valid_to: datetime


@event("identity_mapped")
class IdentityMapped(OutsideName):
    """The outside name stands for this inside one in this time, in which it stood for nobody else."""

    internal_id: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@event("identity_corrected")
class IdentityCorrected(OutsideName):
    """In this time the outside name stands for this inside one (None: for nobody), whatever was said before."""

    internal_id: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@state
class Identity:
    """An outside name, None until it was first mapped, and its meanings in their order."""

    name: OutsideName | None = None
    meanings: Meanings = ()


@values
class IdentityView:
    """An outside name with all its meanings in their order."""

    id: UUID
    system: str
    kind: IdentityKind
    external_id: str
    meanings: Meanings = field(default=())


def identity_id(name: OutsideName) -> UUID:
    """The id of an outside name: the same for ever, on any machine."""
    return uuid5(IDENTITIES, f"{name.kind}\x1f{name.system}\x1f{name.external_id}")


def repainted(
    meanings: Sequence[Meaning], internal_id: str | None, valid_from: datetime | None, valid_to: datetime | None
) -> Meanings:
    """The meanings once a time has another; neighbours that mean the same become one."""
    begin, end = valid_from or FIRST, valid_to or LAST
    parts = [
        part
        for each in meanings
        for part in (
            changed(each, valid_to=valid_from) if each.begin < begin < each.end else None,
            each if each.end <= begin or each.begin >= end else None,
            changed(each, valid_from=valid_to) if each.begin < end < each.end else None,
        )
        if part is not None
    ]
    if internal_id is not None:
        parts.append(Meaning(internal_id, valid_from=valid_from, valid_to=valid_to))
    joined: list[Meaning] = []
    for part in sorted(parts, key=lambda part: part.begin):
        if joined and joined[-1].end == part.begin and joined[-1].internal_id == part.internal_id:
            joined[-1] = changed(joined[-1], valid_to=part.valid_to)
        else:
            joined.append(part)
    return tuple(joined)


def decide(identity: Identity, order: MapIdentity | CorrectIdentity | EndIdentity, ctx: Context) -> Decision:
    """Nothing happens where nothing changes."""
    told = _told(identity, order)
    if isinstance(told, Rejected):
        return told
    if (told.valid_from or FIRST) >= (told.valid_to or LAST):
        return Rejected("calls.identity.time_empty", "Give a `valid_to` that is later.", 422, "/valid_to")
    if ctx.actor.sources is not None and told.system not in ctx.actor.sources:
        return Rejected("auth.source_not_allowed", "You are limited to other sources than this system.", 403, "/system")
    if isinstance(told, IdentityMapped) and (refused := _taken(identity, told)):
        return refused
    return () if evolve(identity, told) == identity else told


def _told(
    identity: Identity, order: MapIdentity | CorrectIdentity | EndIdentity
) -> IdentityMapped | IdentityCorrected | Rejected:
    if isinstance(order, MapIdentity):
        return of(IdentityMapped, order)
    if identity.name is None:
        return Rejected("calls.identity.unknown", "No outside name of this id was ever mapped: map it first.", 404)
    if isinstance(order, EndIdentity):
        return of(IdentityCorrected, identity.name, valid_from=order.valid_to)
    return of(IdentityCorrected, identity.name, **vars(order))


def _taken(identity: Identity, told: IdentityMapped) -> Rejected | None:
    begin, end = told.valid_from or FIRST, told.valid_to or LAST
    for each in identity.meanings:
        if each.internal_id != told.internal_id and each.begin < end and begin < each.end:
            since = "ever" if each.valid_from is None else each.valid_from.isoformat()
            until = "for good" if each.valid_to is None else f"until {each.valid_to.isoformat()}"
            refusal = f"It stands for {each.internal_id} since {since}, {until}: end or correct that first."
            return Rejected("calls.identity.taken", refusal, 409, "/internal_id")
    return None


def evolve(identity: Identity, happened: IdentityMapped | IdentityCorrected) -> Identity:
    """The last word on each instant stands."""
    meanings = repainted(identity.meanings, happened.internal_id, happened.valid_from, happened.valid_to)
    return Identity(of(OutsideName, happened), meanings)


def view(name: str, identity: Identity) -> IdentityView:
    """What is shown of an outside name."""
    outside = identity.name
    assert outside is not None  # noqa: S101 - only what has events is shown
    return of(IdentityView, outside, id=UUID(name), meanings=identity.meanings)
