"""Whether an endpoint may be as somebody orders it."""

from collections.abc import Collection, Sequence

import httpcore
import httpx

from gateway.bodies import parsed
from gateway.deliveries.guard import Refused, Resolver
from gateway.networks import Network
from gateway.problems import invalid
from gateway.webhooks.shapes import EndpointOrder
from services.kernel import schemas
from services.kernel.values import FieldError


class Orders:
    """Reads orders: of events of these types, to public addresses and to the networks that are `allowed`."""

    def __init__(self, types: Collection[str], allowed: Sequence[Network]) -> None:
        self._types, self._allowed = types, allowed
        self._resolver = Resolver(allowed)

    async def read(self, body: bytes) -> EndpointOrder:
        """The order in a body; raises Problem (422) that names each fault."""
        order = schemas.load(EndpointOrder, parsed(body))
        if isinstance(order, list):
            raise invalid(*order)
        faults = []
        if fault := await self._fault_of(order.url):
            faults.append(FieldError("/url", "invalid_field", fault))
        if unknown := sorted(set(order.types) - set(self._types)):
            detail = f"There is no {', '.join(unknown)}; there are {', '.join(self._types)}."
            faults.append(FieldError("/types", "invalid_field", detail))
        if faults:
            raise invalid(*faults)
        return EndpointOrder(order.url, tuple(dict.fromkeys(order.types)), order.description)

    async def _fault_of(self, text: str) -> str | None:
        """What is wrong with an address. One whose name is not known yet may be: each attempt looks again."""
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            return f"This is no address: {error}."
        if url.scheme != "https" and not (url.scheme == "http" and self._allowed):
            return "Give an address that begins with https://."
        if not url.host or url.userinfo or url.fragment:
            return "Give an address with a host, and without user, password and fragment."
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            await self._resolver.addresses(url.host, port, encrypted=url.scheme == "https")
        except Refused as error:
            return f"{error}: webhooks go to public addresses, with TLS."
        except httpcore.ConnectError:
            return None
        return None
