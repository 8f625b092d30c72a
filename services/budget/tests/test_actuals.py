"""What is posted of calls and awards: the rules, and the sum of all differences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.budget.domain import actuals
from services.budget.domain.actuals import Actual, ActualPosted, ActualReversed, PostAward, PostTelephony, Source
from services.kernel.decider import SYSTEM, Context, specification
from services.kernel.values import Money

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
CONTEXT = Context(NINE, SYSTEM, UUID(int=1), "call")

actual = specification(actuals.decide, actuals.evolve, Actual())


def cited(revision):
    return Source("calls", UUID(int=revision), "c1", revision)


def call(seconds, revision=1, queue="sales", at=NINE):
    return PostTelephony(queue, at, Decimal(seconds), cited(revision))


def posted(seconds, revision=1, queue="sales", at=NINE):
    return ActualPosted("telephony", at, cited(revision), queue=queue, seconds=Decimal(seconds))


def taken_back(seconds, revision, queue="sales", at=NINE):
    return ActualReversed("telephony", at, cited(revision), queue=queue, seconds=Decimal(seconds))


def award(amount=10000, id_=1):
    return PostAward("CC-PARIS", Money(amount, "EUR"), NINE, Source("training", UUID(int=id_), "a1"))


def test_what_makes_no_difference_is_not_posted():
    actual.when(call("0")).then()
    actual.given(posted("60")).when(call("60", 2)).then()
    actual.given(posted("60"), taken_back("-60", 2)).when(call("0", 3)).then()


def test_a_call_is_posted_at_its_queue():
    actual.when(call("60.125")).then(posted("60.125"))


def test_a_call_that_came_to_no_queue_is_posted_all_the_same():
    actual.when(call("60", queue=None)).then(posted("60", queue=None))


def test_a_revision_posts_the_difference_alone():
    actual.given(posted("60.1")).when(call("75.4", 2)).then(posted("15.3", 2))
    actual.given(posted("60.1"), posted("15.3", 2)).when(call("70", 3)).then(posted("-5.4", 3))


def test_a_call_that_moves_to_another_queue_or_start_is_reversed_in_full_and_posted_anew():
    history = posted("60"), posted("15", 2)
    actual.given(*history).when(call("75", 3, "support")).then(taken_back("-75", 3), posted("75", 3, "support"))
    actual.given(*history).when(call("80", 3, at=TEN)).then(taken_back("-75", 3), posted("80", 3, at=TEN))


def test_a_call_that_counts_nowhere_any_more_is_reversed_and_posted_again_when_it_counts():
    actual.given(posted("60")).when(call("0", 2)).then(taken_back("-60", 2)).leaves(standing=None)
    actual.given(posted("60"), taken_back("-60", 2)).when(call("60", 3)).then(posted("60", 3))


def test_an_award_is_posted_once():
    first = ActualPosted("awards", NINE, award().cites, cost_centre="CC-PARIS", amount=Money(10000, "EUR"))
    actual.when(award()).then(first)
    actual.given(first).when(award()).then()
    actual.given(first).when(award(20000, id_=2)).then()


@dataclass(frozen=True)
class Told:
    queue: str | None
    at: datetime
    seconds: Decimal


tellings = st.lists(
    st.builds(
        Told,
        st.sampled_from([None, "sales", "support"]),
        st.sampled_from([NINE, TEN]),
        st.integers(0, 10**8).map(lambda milliseconds: Decimal(milliseconds) / 1000) | st.just(Decimal(0)),
    ),
    min_size=1,
    max_size=8,
)


def book(revisions: Sequence[tuple[int, Told]]):
    """All that is posted when the revisions come so."""
    current, postings = Actual(), []
    for number, told in revisions:
        order = PostTelephony(told.queue, told.at, told.seconds, cited(number))
        for event in actuals.decide(current, order, CONTEXT):
            postings.append(event)
            current = actuals.evolve(current, event)
    return postings


@given(tellings)
def test_all_postings_of_a_call_come_to_its_last_revision_at_its_last_place_and_to_nothing_elsewhere(told):
    sums = {}
    for posting in book(list(enumerate(told, 1))):
        place = posting.queue, posting.incurred_at
        sums[place] = sums.get(place, Decimal(0)) + posting.seconds
        assert posting.seconds
        assert isinstance(posting, ActualReversed) is (sums[place] == 0)
    standing = {place: seconds for place, seconds in sums.items() if seconds}
    last = told[-1]
    assert standing == ({(last.queue, last.at): last.seconds} if last.seconds else {})


@given(tellings)
def test_the_same_revision_told_again_is_posted_once(told):
    revisions = list(enumerate(told, 1))
    assert book([each for each in revisions for _ in range(2)]) == book(revisions)


def test_a_posting_is_never_changed_by_what_follows():
    first, *_ = book([(1, Told("sales", NINE, Decimal(60))), (2, Told("support", TEN, Decimal(70)))])
    assert first == replace(first, seconds=Decimal(60), queue="sales", incurred_at=NINE)
