"""How single values look on the wire: instants, numbers, time zones, money."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import ValidationError, fields

from services.kernel.values import Money

ZONES = available_timezones()  # read once: it opens every zone file

MOST_MINOR = 10**15  # a column of PostgreSQL and a double of JavaScript still hold it exactly
NO_INSTANT = "Give an RFC 3339 instant with an offset, such as 2026-11-21T09:00:00Z."
LOST_PLUS = re.compile(r"(\S+T\S+) (\d\d:\d\d)")  # a plus that was not encoded in an address arrives as a space
NO_NUL = "Leave out NUL characters."
NO_ZONE = "Give an IANA time zone, such as Europe/Paris or UTC."
NO_CURRENCY = "Give a currency of ISO 4217, such as EUR."
TOO_MUCH = "Give an amount of at most 15 digits."
NO_MONEY = 'Give money as {"amount": "1250.00", "currency": "EUR"}, the amount a text.'


class Text(fields.String):
    """A text that PostgreSQL has room for."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise ValidationError(NO_NUL)
        return text


class Named(fields.Dict):
    """Values by name; what is wrong with one is reported under its name, as for any other field."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            flat = {name: next(iter(faults.values())) for name, faults in error.messages.items()}
            raise ValidationError(flat) from error


class Instant(fields.Field[datetime]):
    """An RFC 3339 instant with its offset; kept and written in UTC."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            instant = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", value))
            if instant.tzinfo is None or "T" not in value.upper():
                raise ValidationError(NO_INSTANT)
            return instant.astimezone(UTC)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValidationError(NO_INSTANT) from error


class Number(fields.Decimal):
    """A decimal number, exact inside, a JSON number on the wire."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else number(value)


class Zone(fields.Field[ZoneInfo]):
    """An IANA time zone by its name."""

    def _serialize(self, value: ZoneInfo | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.key

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ZoneInfo:
        if not isinstance(value, str) or value not in ZONES:
            raise ValidationError(NO_ZONE)
        return ZoneInfo(value)


class Amount(fields.Field[Money]):
    """Money as `{"amount": "1250.00", "currency": "EUR"}`: a decimal text, never a JSON number."""

    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **kwargs: Any) -> dict[str, str] | None:
        return None if value is None else written(value)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Money:
        try:
            amount, currency = value["amount"], value["currency"]
            if not isinstance(amount, str):
                raise ValidationError(NO_MONEY)
            if currency not in _MINOR_DIGITS:
                raise ValidationError(NO_CURRENCY)
            minor = Decimal(amount).scaleb(minor_digits(currency))
            if abs(minor) >= MOST_MINOR:
                raise ValidationError(TOO_MUCH)
            if minor != minor.to_integral_value():
                raise ValidationError(f"{currency} has {minor_digits(currency)} decimals.")
            return Money(int(minor), currency)
        except (TypeError, KeyError, ArithmeticError, AttributeError) as error:
            raise ValidationError(NO_MONEY) from error


# The currencies of ISO 4217 by their decimals. None is taken away when it is retired: stored amounts are read by it.
_CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
        CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
        JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
        NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP
        SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_MINOR_DIGITS = {code: digits for digits, codes in _CURRENCIES.items() for code in codes.split()}


def written(money: Money) -> dict[str, str]:
    """Money as it travels."""
    return {"amount": str(Decimal(money.minor).scaleb(-minor_digits(money.currency))), "currency": money.currency}


def minor_digits(currency: str) -> int:
    """How many decimals an ISO 4217 currency has."""
    return _MINOR_DIGITS[currency]


def rfc3339(instant: datetime) -> str:
    """An instant in UTC as the API writes it."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def number(value: Decimal | int) -> int | float:
    """A decimal as a JSON number."""
    return int(value) if value == int(value) else float(value)
