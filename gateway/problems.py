"""Every answer that is not a success: RFC 9457 problems with the codes of `gateway.codes`."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from gateway.codes import CODES
from services.kernel.values import FieldError

MEDIA_TYPE = b"application/problem+json"
REFUSED = "A rule refuses this"


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer that is not a success; whoever raises it ends the request.

    `errors` are `{"pointer", "code", "detail", …}` objects, one for each fault. `status` overrides the code's own.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(code)
        known = CODES.get(code)
        self.code = code
        self.title = known.title if known else REFUSED
        self.status = status or (known.status if known else 409)
        self.detail = detail or (f"{known.meaning} {known.remedy}" if known else "")
        self.errors = list(errors)
        self.headers = dict(headers or {})
        if known and known.status == 503:
            self.headers.setdefault("Retry-After", "1")

    def body(self, request_id: str) -> bytes:
        """The problem as JSON."""
        return orjson.dumps(
            {
                "type": f"/v1/errors#{self.code}",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
                "errors": self.errors,
                "request_id": request_id,
            }
        )


def invalid(*faults: FieldError) -> Problem:
    """The 422 that names each invalid field."""
    return Problem("request.invalid", errors=[fault._asdict() for fault in faults])
