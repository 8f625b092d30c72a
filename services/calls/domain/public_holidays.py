"""Public holidays of countries and their subdivisions (ISO 3166), from the `holidays` library: data, as zones are."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

LANGUAGE = "en_US"


def is_known(country: str, subdivision: str | None) -> bool:
    """Whether the library has the public holidays of a place."""
    try:
        public_holidays(country, subdivision, 2000)
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=500)
def public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The public holidays of a year with their names; raises NotImplementedError where the place is not known."""
    from holidays import country_holidays  # noqa: PLC0415 - 3 MB that a process without calendars does not need

    found = country_holidays(country, subdiv=subdivision, years=year, expand=False, language=LANGUAGE)
    return dict(sorted(found.items()))
