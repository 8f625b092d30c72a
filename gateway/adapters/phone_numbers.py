"""Phone numbers as outside systems write them."""

from functools import lru_cache

import phonenumbers

REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)  # as ISO 3166 codes


@lru_cache(maxsize=8192)
def e164(number: str, default_region: str | None) -> str | None:
    """The number in E.164; None where it is none (an extension, a withheld number, a bare one without a region)."""
    try:
        parsed = phonenumbers.parse(number, default_region)
    except phonenumbers.NumberParseException:
        return None
    # Possible rather than valid: numbering plans change faster than any list of them.
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if _possible(parsed) else None


def national(number: str) -> str:
    """The digits of an E.164 number without those of its country; all of them where that is none that we know."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return number.removeprefix("+")


def typed(number: str) -> tuple[str, ...]:
    """The digits of an E.164 number as people type them: with those of its country, and as within it."""
    whole = number.removeprefix("+")
    try:
        within = phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL)
    except phonenumbers.NumberParseException:
        return (whole,)
    return whole, phonenumbers.normalize_digits_only(within)


def _possible(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
