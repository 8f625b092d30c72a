"""Which form of an answer the Accept header asks for (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from typing import Literal

from gateway.problems import Problem

Form = Literal["json", "csv", "xlsx"]

MEDIA_TYPES: dict[Form, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def wanted_form(accept: bytes, offered: Sequence[Form]) -> Form:
    """The one of the offered forms that the header likes best; of equals the first.

    Raises:
        Problem: it accepts none of them (406).
    """
    if not accept:
        return offered[0]
    ranges = [_range(text) for text in accept.decode("latin-1").lower().split(",")]
    liked = {form: max((_liking(MEDIA_TYPES[form], *each) for each in ranges), default=(0, 0.0)) for form in offered}
    best = max(offered, key=lambda form: liked[form][1])
    if liked[best][1] <= 0:
        available = ", ".join(MEDIA_TYPES[form] for form in offered)
        raise Problem("request.not_acceptable", f"This is to be had as {available}. Name one of them in Accept.")
    return best


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip() for part in text.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 1.0


def _liking(media_type: str, wanted: str, quality: float) -> tuple[int, float]:
    """How exactly a range names the media type (0: not at all), and how much it likes it: the most exact one counts."""
    if wanted == media_type:
        return 3, quality
    if wanted == f"{media_type.partition('/')[0]}/*":
        return 2, quality
    return (1, quality) if wanted == "*/*" else (0, 0.0)
