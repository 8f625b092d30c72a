"""Which provider a connection means, and how to speak with it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.crm import hubspot, salesforce
from gateway.crm.connections import Connection
from gateway.crm.generic import Generic
from gateway.crm.hubspot import HubSpot
from gateway.crm.provider import Provider
from gateway.crm.salesforce import Salesforce
from gateway.crm.talk import Pace, Talk
from gateway.crm.terms import KINDS, GenericSettings, HubSpotSettings, SalesforceSettings
from gateway.crm.tokens import ConnectionTokens, renewal
from gateway.crm.zendesk import Zendesk
from gateway.sealing import SecretBox
from services.kernel import schemas


class Providers:
    """Makes what speaks with a connection's provider."""

    def __init__(self, pool: AsyncConnectionPool, box: SecretBox, http: httpx.AsyncClient) -> None:
        self._pool, self._box, self._http = pool, box, http
        self._paces: dict[UUID, Pace] = {}

    async def close(self) -> None:
        """Lets go of its connections."""
        await self._http.aclose()

    def of(self, connection: Connection) -> Provider:
        """The provider of a connection; raises WrongKey where its secrets were sealed with another key."""
        settings = schemas.revive(KINDS[connection.provider].settings, dict(connection.settings))
        secrets: Mapping[str, Any] = orjson.loads(self._box.open(connection.id, connection.secrets))
        pace = self._paces.setdefault(connection.id, Pace())
        match settings:
            case GenericSettings():
                return Generic(Talk(self._http, None, pace), settings, secrets["signing_secret"])
            case _:
                tokens = self._tokens(connection, settings, secrets)
        rules = connection.when_none, connection.when_several
        match settings:
            case HubSpotSettings():
                talk = Talk(self._http, tokens, pace, hubspot.limits, hubspot.busy)
                return HubSpot(talk, settings, *rules)
            case SalesforceSettings():
                talk = Talk(self._http, tokens, pace, busy=salesforce.busy)
                telephony = Talk(self._http, None, pace, busy=salesforce.busy)
                return Salesforce(talk, telephony, settings, secrets["private_key"], *rules)
            case _:
                return Zendesk(Talk(self._http, tokens, pace), settings, *rules)

    def _tokens(self, connection: Connection, settings: Any, secrets: Mapping[str, Any]) -> ConnectionTokens:
        renew = renewal(self._http, settings, secrets)
        return ConnectionTokens(self._pool, self._box, connection.id, renew, secrets.get("access_token"))
