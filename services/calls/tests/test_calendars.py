"""When a calendar is open: weekly hours, holidays, exceptions, versions, and the days on which clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain import calendars
from services.calls.domain.calendars import (
    AdoptCalendar,
    Calendar,
    CalendarAdopted,
    CalendarVersion,
    ExceptionalSpan,
    Holiday,
    PublicHolidays,
    WeeklyHours,
    WeeklySpan,
    is_open,
    next_opening,
    opening_spans,
)
from services.calls.domain.spans import joined, without
from services.kernel.decider import specification

PARIS = ZoneInfo("Europe/Paris")
EVER = datetime(2000, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
OFFICE = (WeeklySpan("09:00", "12:30"), WeeklySpan("14:00", "18:00"))
NIGHT = (WeeklySpan("22:00", "06:00"),)
WORKDAYS = WeeklyHours(OFFICE, OFFICE, OFFICE, OFFICE, OFFICE)
NIGHTS = WeeklyHours(*([NIGHT] * 7))
ROUND_THE_CLOCK = WeeklyHours(*([(WeeklySpan("00:00", "24:00"),)] * 7))

calendar = specification(calendars.decide, calendars.evolve, Calendar()).at(NOW).on("public")


def version(weekly: WeeklyHours = WORKDAYS, **terms) -> CalendarVersion:
    return CalendarVersion(**{"timezone": PARIS, "weekly": weekly, "effective_from": EVER, **terms})


def paris(day: str, clock: str = "00:00", fold: int = 0) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=PARIS, fold=fold)


def hours(terms: CalendarVersion, day: str, days: int = 1) -> list[str]:
    """The spans from a midnight in Paris on, as the clocks there show them."""
    begin = paris(day)
    shown = opening_spans([terms], begin, begin + timedelta(days=days))
    return [" ".join(f"{at.astimezone(PARIS):%d.%H:%M}" for at in span) for span in shown]


# Decided


def test_public_holidays_of_nowhere_are_refused():
    for place in (PublicHolidays("XX"), PublicHolidays("DE", "QQ")):
        calendar.when(AdoptCalendar(public_holidays=place)).rejected("calls.calendar.place_unknown")


def test_a_span_that_ends_before_it_begins_is_refused():
    backwards = ExceptionalSpan(NOW, NOW, "stocktaking")
    calendar.when(AdoptCalendar(closures=(backwards,))).rejected("calls.calendar.span_empty")
    calendar.when(AdoptCalendar(openings=(backwards,))).rejected("calls.calendar.span_empty")


def test_a_calendar_holds_from_now_on_or_from_its_own_date():
    calendar.when(AdoptCalendar(weekly=WORKDAYS)).then(
        CalendarAdopted(weekly=WORKDAYS, effective_from=NOW, calendar="public")
    )
    calendar.when(AdoptCalendar(weekly=WORKDAYS, effective_from=EVER)).then(
        CalendarAdopted(weekly=WORKDAYS, effective_from=EVER, calendar="public")
    )


def test_what_stands_already_does_not_happen_again():
    adopted = CalendarAdopted(weekly=WORKDAYS, effective_from=EVER, calendar="public")
    calendar.given(adopted).when(AdoptCalendar(weekly=WORKDAYS)).then()
    calendar.given(adopted).when(AdoptCalendar(weekly=WORKDAYS, effective_from=EVER)).then()
    later = AdoptCalendar(weekly=WORKDAYS, effective_from=NOW)
    calendar.given(adopted).when(later).then(CalendarAdopted(weekly=WORKDAYS, effective_from=NOW, calendar="public"))


# Open


def test_several_spans_a_day_half_open():
    assert hours(version(), "2026-11-20") == ["20.09:00 20.12:30", "20.14:00 20.18:00"]
    assert hours(version(), "2026-11-21", days=2) == []
    assert is_open([version()], paris("2026-11-20", "09:00"))
    assert not is_open([version()], paris("2026-11-20", "12:30"))


def test_a_night_runs_over_midnight_and_belongs_to_the_day_on_which_it_opens():
    sunday_nights = WeeklyHours(sunday=NIGHT)
    assert hours(version(sunday_nights), "2026-11-22", days=2) == ["22.22:00 23.06:00"]
    free = (Holiday(date(2026, 11, 23), "a holiday"),)
    assert hours(version(sunday_nights, holidays=free), "2026-11-23") == ["23.00:00 23.06:00"]
    assert hours(version(NIGHTS, holidays=free), "2026-11-23") == ["23.00:00 23.06:00"]


def test_spans_that_meet_are_one():
    assert hours(version(ROUND_THE_CLOCK), "2026-11-20", days=3) == ["20.00:00 23.00:00"]


def test_holidays_and_closures_close_and_openings_open_all_the_same():
    terms = version(
        holidays=(Holiday(date(2026, 12, 24), "the day before"),),
        public_holidays=PublicHolidays("FR"),
        closures=(ExceptionalSpan(paris("2026-12-23", "16:00"), paris("2026-12-23", "20:00"), "party"),),
        openings=(ExceptionalSpan(paris("2026-12-25", "10:00"), paris("2026-12-25", "11:00"), "emergency"),),
    )
    assert hours(terms, "2026-12-23", days=3) == ["23.09:00 23.12:30", "23.14:00 23.16:00", "25.10:00 25.11:00"]


def test_a_subdivision_has_holidays_of_its_own():
    """Corpus Christi, 4 June 2026, is one in Bavaria and none in Berlin."""
    bavaria, berlin = (version(public_holidays=PublicHolidays("DE", land)) for land in ("BY", "BE"))
    assert (hours(bavaria, "2026-06-04"), len(hours(berlin, "2026-06-04"))) == ([], 2)


def test_each_version_holds_from_its_own_date_whenever_it_was_adopted():
    mornings = WeeklyHours(*([(WeeklySpan("08:00", "12:00"),)] * 5))
    new = version(mornings, effective_from=paris("2026-11-18"))
    corrected = replace(new, weekly=WeeklyHours(*([(WeeklySpan("07:00", "12:00"),)] * 5)))
    begin, end = paris("2026-11-17", "08:30"), paris("2026-11-18", "08:30")
    for adopted in ([version(), new], [new, version()]):
        shown = opening_spans(adopted, begin, end)
        assert shown[0][0] == paris("2026-11-17", "09:00")
        assert shown[-1] == (paris("2026-11-18", "08:00"), end)
    assert opening_spans([version(), new, corrected], begin, end)[-1][0] == paris("2026-11-18", "07:00")


def test_before_its_first_version_a_calendar_closes_nothing():
    new = version(effective_from=paris("2026-11-20", "12:00"))
    begin = paris("2026-11-20")
    assert opening_spans([new], begin, begin + timedelta(hours=13)) == [(begin, paris("2026-11-20", "12:30"))]
    assert opening_spans([], begin, NOW) == [(begin, NOW)]


def test_the_next_opening():
    assert next_opening([version()], paris("2026-11-20", "18:00")) == paris("2026-11-23", "09:00")
    assert next_opening([version()], paris("2026-11-20", "15:00")) == paris("2026-11-20", "15:00")
    assert next_opening([version(WeeklyHours())], NOW) is None


# The days on which clocks change: 29 March (02:00 is 03:00) and 25 October 2026 (03:00 is 02:00 again) in Paris


@pytest.mark.parametrize(
    ("opens", "closes", "day", "elapsed"),
    [
        ("22:00", "06:00", "2026-03-28", 7),
        ("22:00", "06:00", "2026-10-24", 9),
        ("00:00", "24:00", "2026-03-29", 23),
        ("00:00", "24:00", "2026-10-25", 25),
        ("02:30", "04:00", "2026-03-29", 1),  # the clocks never show 02:30: open once they have jumped over it
        ("01:00", "02:30", "2026-03-29", 1),
        ("02:30", "04:00", "2026-10-25", 2.5),  # from the first 02:30 on
        ("01:00", "02:30", "2026-10-25", 2.5),  # to the last 02:30
    ],
)
def test_a_span_is_as_long_as_the_clocks_make_it(opens, closes, day, elapsed):
    weekly = WeeklyHours(**{paris(day).strftime("%A").lower(): (WeeklySpan(opens, closes),)})
    ((begin, end),) = opening_spans([version(weekly)], paris(day) - timedelta(hours=1), paris(day) + timedelta(days=2))
    assert end - begin == timedelta(hours=elapsed)


# Sets of time

instants = st.integers(0, 20).map(lambda hour: NOW + timedelta(hours=hour))
spans = st.lists(st.tuples(instants, instants), max_size=6)


@given(spans, spans)
def test_joined_and_cut_out_is_what_a_set_of_hours_is(some, others):
    def as_hours(spans):
        return {
            NOW + timedelta(hours=hour)
            for begin, end in spans
            for hour in range(21)
            if begin <= NOW + timedelta(hours=hour) < end
        }

    assert as_hours(joined(some)) == as_hours(some)
    assert as_hours(without(some, others)) == as_hours(some) - as_hours(others)
    kept = joined(some)
    assert all(end < begin for (_, end), (begin, _) in pairwise(kept))
