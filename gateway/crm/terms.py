"""What a connection is told of its provider: settings that are shown, and secrets that never are."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal, NamedTuple

from services.kernel.decider import values
from services.kernel.values import Length, Pattern, Range

ProviderName = Literal["hubspot", "salesforce", "zendesk", "generic"]
Name = Annotated[str, Length(1, 200)]
Url = Annotated[
    str, Length(1, 500), Pattern(r"https?://[^\s/?#]+[^\s?#]*[^\s/?#]", "Give an address without / at its end.")
]
Token = Annotated[str | None, Length(1, 4000)]
Region = Annotated[str | None, Pattern("[A-Z]{2}", "Give an ISO 3166 region, such as FR.")]  # of numbers without one
Guid = Annotated[str, Pattern("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "Give the GUID of a call outcome.")]
CALL_FIELDS = (
    "id", "revision", "source", "call_id", "direction", "campaign", "caller_number", "called_number", "outcome",
    "excluded", "started_at", "ended_at", "answered_at", "queue", "agent", "wait_seconds", "talk_seconds",
    "hold_seconds", "disposition", "title",
)  # fmt: skip


@values
class HubSpotSettings:
    """A HubSpot portal. `api_version` is `v3`, or a dated one such as `2026-03`.

    `dispositions` are the portal's outcomes (GUIDs) by our disposition codes, `owners` its owners by our agents.
    """

    base_url: Url = "https://api.hubapi.com"
    api_version: Annotated[str, Pattern(r"v3|20\d\d-\d\d", "Give v3, or a dated version such as 2026-03.")] = "v3"
    client_id: Annotated[str | None, Length(1, 200)] = None
    default_region: Region = None
    dispositions: Mapping[str, Guid] = field(default_factory=dict)
    owners: Mapping[str, Annotated[str, Pattern(r"\d{1,20}", "Give the id of an owner.")]] = field(default_factory=dict)


@values
class HubSpotSecrets:
    """`access_token` of a private app; or `client_secret` (which also signs webhooks) and `refresh_token` of an app."""

    access_token: Token = None
    client_secret: Token = None
    refresh_token: Token = None


@values
class SalesforceSettings:
    """A Salesforce org. With `call_center`, `org_id` and `telephony_url` its telephony integration is used.

    `dispositions` are the org's texts by our disposition codes, `owners` its users by our agents.
    """

    base_url: Url
    client_id: Name
    username: Name
    login_url: Url = "https://login.salesforce.com"
    api_version: Annotated[str, Pattern(r"\d\d\.0", "Give a version such as 62.0.")] = "62.0"
    default_region: Region = None
    external_id_field: Annotated[str, Pattern(r"\w{1,80}__c", "Give a custom field's API name.")] = "Plateau_Call_Id__c"
    telephony_url: Url | None = None
    org_id: Name | None = None
    call_center: Name | None = None
    telephony_provider: Name = "Plateau"
    dispositions: Mapping[str, Name] = field(default_factory=dict)
    owners: Mapping[str, Annotated[str, Pattern("[A-Za-z0-9]{15,18}", "Give a user's id.")]] = field(
        default_factory=dict
    )


@values
class SalesforceSecrets:
    """`private_key`: the RSA key (PEM) whose certificate the org's app holds."""

    private_key: Annotated[str, Length(1, 10_000)]


@values
class ZendeskSettings:
    """A Zendesk account. `app_id` is that of an app of its own; `agents` are Zendesk's agents by ours.

    Without `tickets`, calls are recorded and nothing is shown on tickets.
    """

    base_url: Url
    app_id: Annotated[int, Range(1)]
    client_id: Annotated[str | None, Length(1, 200)] = None
    default_region: Region = None
    brand_id: Annotated[int | None, Range(1)] = None
    tickets: bool = True
    dispositions: Mapping[str, Annotated[str, Length(1, 200)]] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)


@values
class ZendeskSecrets:
    """`access_token`, or `client_secret` and `refresh_token`; `webhook_secret` signs what Zendesk sends."""

    access_token: Token = None
    client_secret: Token = None
    refresh_token: Token = None
    webhook_secret: Token = None


@values
class GenericSettings:
    """`fields` are names of the receiver's by names of ours; what is not named there is not sent. Empty: all of ours.

    Its dispositions are the receiver's by our codes.
    """

    url: Url
    fields: Mapping[str, Annotated[str, Pattern("|".join(CALL_FIELDS), f"Give one of {', '.join(CALL_FIELDS)}.")]] = (
        field(default_factory=dict)
    )
    dispositions: Mapping[str, Annotated[str, Length(1, 200)]] = field(default_factory=dict)


@values
class GenericSecrets:
    """`signing_secret`: `whsec_` and base64 of 24 to 64 bytes."""

    signing_secret: Annotated[str, Pattern("whsec_[A-Za-z0-9+/]{32,88}={0,2}", "Give whsec_ and base64.")]


class Kind(NamedTuple):
    """The terms of a provider. `signs` is the secret with which it signs its webhooks (None: it sends none), `several`
    what may become of a call whose number several contacts have.
    """

    settings: type
    secrets: type
    signs: str | None = None
    several: tuple[str, ...] = ("leave", "first")


KINDS: Mapping[ProviderName, Kind] = {
    "hubspot": Kind(HubSpotSettings, HubSpotSecrets, "client_secret", ("leave", "first", "all")),
    "salesforce": Kind(SalesforceSettings, SalesforceSecrets),
    "zendesk": Kind(ZendeskSettings, ZendeskSecrets, "webhook_secret"),
    "generic": Kind(GenericSettings, GenericSecrets, None, ("leave",)),
}
