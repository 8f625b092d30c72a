"""Dispositions: the one final outcome of a call, as facts tell it and as people set and correct it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

from services.calls.domain.story import Fact, sort_key
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Example, Length, Personal

Name = Annotated[str, Length(1, 200)]
Names = Annotated[tuple[Name, ...], Length(0, 100)]
Kind = Literal["order", "question", "comment", "complaint"]
Sentiment = Literal["positive", "negative", "mixed"]
Resolved = Literal["yes", "no", "unknown"]

REFUSALS = frozenset({"dnc", "refusal"})  # flags that no later outcome can undo (MEASURES section 4)
TOLD = "call.disposition_set"


@values
class DispositionTerms:
    """What came of a call: a code of the centre's own, and what the customer wanted and said of which topics."""

    code: Annotated[Name, Example("order-taken")]
    kind: Kind | None = None
    topics: Annotated[Names, Example(["delivery"])] = ()
    sentiment: Sentiment | None = None
    resolved: Resolved | None = None
    flags: Annotated[Names, Example(["sale"])] = ()


@command
class SetDisposition(DispositionTerms):
    """Say what came of a call. It has one final disposition: one that stands is corrected, with a reason."""


@command
class CorrectDisposition(DispositionTerms):
    """Put another disposition in the place of the one that stands; a refusal (flag `dnc` or `refusal`) stays."""

    _: KW_ONLY
    reason: Annotated[str, Length(1, 1000)]


@event("disposition_set")
class DispositionSet(DispositionTerms):
    """Somebody said what came of the call."""


@event("disposition_corrected")
class DispositionCorrected(DispositionTerms):
    """Somebody corrected what came of the call."""

    reason: Annotated[str | None, Personal()] = None


@state
class Disposed:
    """Whether there is such a call, and whether it has a disposition."""

    is_call: bool = False
    disposed: bool = False


def decide(call: Disposed, order: SetDisposition | CorrectDisposition, _ctx: Context) -> Decision:
    """The first is set, every other a correction."""
    if not call.is_call:
        return Rejected("request.not_found", "There is nothing here, or nothing that you may see.", 404)
    match order:
        case SetDisposition() if call.disposed:
            return Rejected("calls.disposition.set_already", "This call has a disposition: correct it, with a reason.")
        case SetDisposition():
            return of(DispositionSet, order)
        case CorrectDisposition() if not call.disposed:
            return Rejected("calls.disposition.none_to_correct", "This call has no disposition yet: set it.")
        case CorrectDisposition():
            return of(DispositionCorrected, order)


def evolve(call: Disposed, _happened: DispositionSet | DispositionCorrected) -> Disposed:
    """There is one."""
    return changed(call, disposed=True)


def learn(call: Disposed, type_: str) -> Disposed:
    """What a fact of the call changes."""
    return Disposed(is_call=call.is_call or type_.startswith("call."), disposed=call.disposed or type_ == TOLD)


def decided_terms(data: Mapping[str, Any]) -> dict[str, Any]:
    """A decision's terms as a fact would tell them: what is not said is left out, and so is the reason."""
    terms = {name: data.get(name) for name in DispositionTerms.__dataclass_fields__}
    return {name: value for name, value in terms.items() if value not in (None, [])}


def final(
    told: Sequence[Fact], decided: Sequence[Fact] = (), superseded: Iterable[Fact] = ()
) -> Mapping[str, Any] | None:
    """The latest that facts tell or somebody decided, with the refusal of any of them; None where there is none.

    Facts `superseded` by a later version of their record say nothing else, but a refusal of theirs stays.
    """
    former = [fact for fact in superseded if fact.type == TOLD and not REFUSALS.isdisjoint(fact.data.get("flags", ()))]
    said = sorted([*told, *decided], key=sort_key) or sorted(former, key=sort_key)
    if not said:
        return None
    last = said[-1].data
    flags = list(last.get("flags", ()))
    refused = {flag for fact in (*said, *former) for flag in fact.data.get("flags", ()) if flag in REFUSALS}
    missing = sorted(refused.difference(flags))
    return {**last, "flags": [*flags, *missing]} if missing else last
