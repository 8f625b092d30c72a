"""What every provider offers, and what is remembered of the calls that it was sent."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from gateway.adapters.phone_numbers import e164, national
from gateway.crm.completed import CompletedCall

WhenNone = Literal["leave", "create"]
WhenSeveral = Literal["leave", "first", "all"]
Matching = Literal["none", "one", "several", "created", "no_number", "by_provider"]


@dataclass(frozen=True, slots=True)
class Matched:
    """How the customer's number met the provider's contacts, and to which of them the call is attached."""

    matching: Matching
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a call at a provider, so that it is made once and corrected afterwards.

    `provider_id` is None until the provider has said what it calls it; `kind` is the provider's object; `state` is the
    provider's own; `unsure`: an earlier attempt may have made it, though nobody heard of it.
    """

    revision: int = 0
    provider_id: str | None = None
    kind: str | None = None
    matched: Matched | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    unsure: bool = False


Keep = Callable[[Record], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Card:
    """What a provider says of a person: the fields of a customer of ours."""

    external_id: str
    given_name: str | None = None
    family_name: str | None = None
    company: str | None = None
    numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a provider's webhook: `key` is the same whenever it comes again.

    `external_id` is the person of whom to ask; without one the event is of a type that we do not know, and what it
    `said` is kept.
    """

    key: str
    type: str
    external_id: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """A CRM that is spoken with. What it raises is in `talk`."""

    async def put(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        """Makes or corrects the provider's object of a call; `keep` what is known as soon as it is."""
        ...

    async def check(self) -> str:
        """Asks for something that needs a working authorisation; returns what it found, in a line."""
        ...

    async def card(self, external_id: str) -> Card | None:
        """What the provider holds of a person now; None where there is nobody of that id."""
        ...


def has_number(shown: Iterable[str | None], number: str, region: str | None) -> bool:
    """Whether somebody whom a search by the last digits of a number found may be the one who has it.

    Not who is shown with those digits in another country. A number may also be one that the search knows and the answer
    does not show.
    """
    known = {found for each in shown if each and (found := e164(each, region))}
    return number in known or not any(each.endswith(national(number)) for each in known)


async def chosen_once(record: Record, choose: Callable[[], Awaitable[Matched]], keep: Keep) -> tuple[Record, Matched]:
    """To whom a call belongs, remembered before anything else is tried: a search may take minutes to find a contact
    that was just made, and a second one would be made for the same call.
    """
    if record.matched is not None:
        return record, record.matched
    matched = await choose()
    record = replace(record, matched=matched)
    await keep(record)
    return record, matched


async def attach(
    found: Sequence[str],
    when_none: WhenNone,
    when_several: WhenSeveral,
    create: Callable[[], Awaitable[str]],
) -> Matched:
    """To which contacts a call belongs, of those that have the customer's number."""
    match len(found):
        case 0 if when_none == "create":
            return Matched("created", (await create(),))
        case 0:
            return Matched("none")
        case 1:
            return Matched("one", tuple(found))
    chosen = {"leave": (), "first": tuple(found[:1]), "all": tuple(found)}[when_several]
    return Matched("several", chosen)
