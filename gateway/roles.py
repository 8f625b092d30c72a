"""What a role may do: the one place where roles become scopes."""

from collections.abc import Iterable

INGEST = "calls:ingest"

SCOPES: dict[str, str] = {
    INGEST: "Send call facts and telephone logs.",
    "calls:read": "See calls and their facts.",
    "queues:read": "See queues and their service-level policies.",
    "queues:write": "Configure queues and adopt service-level policies.",
    "calendars:read": "See calendars and their opening hours.",
    "calendars:write": "Adopt calendars.",
    "clients:read": "See the clients of the centre.",
    "clients:write": "Configure the clients of the centre, and what they may see.",
    "dispositions:write": "Set and correct the dispositions of calls.",
    "sources:read": "See telephone sources.",
    "sources:write": "Configure telephone sources.",
    "identities:read": "See whom the names of outside systems stand for.",
    "identities:write": "Say whom the names of outside systems stand for.",
    "reports:read": "See reports and what stands behind each figure.",
    "agents:read": "See what agents handled and how their time was spent: one's own, one's team's, all or totals.",
    "live:read": "See what happens on the floor now.",
    "quotas:read": "See quotas: targets that the centre and its clients set.",
    "quotas:write": "Set and revise quotas, for the own party.",
    "quotas:agree": "Agree to quotas that the other party proposes.",
    "alert-rules:read": "See what raises alerts, and who is told.",
    "alert-rules:write": "Make, change and pause alert rules.",
    "alerts:read": "See alerts.",
    "alerts:acknowledge": "Acknowledge alerts.",
    "report-schedules:read": "See which reports are sent regularly, and to whom.",
    "report-schedules:write": "Have reports sent regularly, with what you may see.",
    "employees:read": "See employees by name, with their supervised periods.",
    "employees:write": "Hire employees.",
    "supervision:write": "Lead supervised periods: begin, note checkpoints and proven duties, extend, end.",
    "supervision:sign-off": "Sign supervised periods off.",
    "inductions:read": "See which courses the induction of a role has.",
    "inductions:write": "Define the inductions of roles.",
    "learning-plans:read": "See learning plans.",
    "learning-plans:write": "Note which steps of learning plans are completed.",
    "awards:read": "See awards, their amounts and reasons.",
    "awards:write": "Grant awards.",
    "awards:approve": "Approve awards that somebody else granted.",
    "budget:read": "See cost centres, actuals and what they come to.",
    "cost-centres:write": "Open and close cost centres, and say which queues they bear.",
    "privacy:export": "Give a person all that is held of them.",
    "privacy:erase": "Erase a person.",
    "crm:read": "See CRM connections, and what was delivered over them.",
    "crm:write": "Connect CRMs: make, change, test, pause and end connections, send deliveries again.",
    "customers:read": "See customers: their names, numbers and addresses.",
    "customers:write": "Save and unlink customers.",
    "events:read": "Read the public events of all services.",
    "webhooks:read": "See webhook endpoints and what was delivered to them.",
    "webhooks:write": "Make webhook endpoints, test, pause and delete them, change their secrets, replay deliveries.",
    "dead-letters:read": "See messages that were put aside, and what they hold.",
    "dead-letters:replay": "Send messages that were put aside again.",
    "keys:read": "See API keys.",
    "keys:write": "Make and revoke API keys.",
}

_SEES_CALLS = {
    "calls:read", "queues:read", "calendars:read", "clients:read", "reports:read", "agents:read", "live:read",
}  # fmt: skip
_SETS_QUOTAS = {"quotas:read", "quotas:write", "quotas:agree"}
_SEES_ALERTS = {"alerts:read", "alerts:acknowledge"}
_SETS_ALERTS = {"alert-rules:read", "alert-rules:write"}
_SCHEDULES_REPORTS = {"report-schedules:read", "report-schedules:write"}
_TRAINS = {"inductions:read", "inductions:write", "learning-plans:read", "learning-plans:write"}
_KEEPS_STAFF = {"employees:read", "employees:write", "supervision:write", "supervision:sign-off"}
_REWARDS = {"awards:read", "awards:write", "awards:approve"}
_MAPS_NAMES = {"identities:read", "identities:write"}
_KEEPS_CRM = {"crm:read", "crm:write", "customers:read", "customers:write"}
_HOLDS_BUDGET = {"budget:read", "cost-centres:write"}

ROLES: dict[str, frozenset[str]] = {
    "administrator": frozenset(SCOPES),
    "manager": frozenset(
        _SEES_CALLS
        | _SETS_QUOTAS
        | _SEES_ALERTS
        | _SETS_ALERTS
        | _SCHEDULES_REPORTS
        | _KEEPS_STAFF
        | _TRAINS
        | _REWARDS
        | _HOLDS_BUDGET
        | _KEEPS_CRM
        | _MAPS_NAMES
        | {"queues:write", "calendars:write", "clients:write", "dispositions:write"}
        | {"sources:read", "sources:write", "privacy:export", "privacy:erase"}
    ),
    "supervisor": frozenset(
        _SEES_CALLS | _SEES_ALERTS | {"customers:read", "dispositions:write", "quotas:read", "alert-rules:read"}
    ),
    "agent": frozenset({"calls:read", "agents:read", "dispositions:write"}),
    "hr": frozenset(_KEEPS_STAFF | _TRAINS | _REWARDS),
    "trainer": frozenset(_TRAINS),
    "finance": frozenset({"reports:read", "awards:read"} | _HOLDS_BUDGET),
    "owner": frozenset(
        {"queues:read", "calendars:read", "clients:read", "quotas:read", "reports:read", "agents:read"}
        | {"live:read", "budget:read"}
    ),
    "executive": frozenset({"queues:read", "quotas:read", "reports:read", "budget:read"}),
    "client": frozenset(
        {"queues:read", "calendars:read", "clients:read", "reports:read", "agents:read", "live:read"}
        | {"report-schedules:read"}
        | _SETS_QUOTAS
    ),
    "integrator": frozenset(
        {INGEST, "sources:read", "sources:write", "queues:read", "events:read", "webhooks:read", "webhooks:write"}
        | _MAPS_NAMES
        | _KEEPS_CRM
    ),
    "auditor": frozenset(
        {
            "calls:read",
            "queues:read",
            "calendars:read",
            "clients:read",
            "sources:read",
            "identities:read",
            "reports:read",
            "quotas:read",
            "budget:read",
            "events:read",
            "webhooks:read",
            "dead-letters:read",
            "keys:read",
        }
    ),
}


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """All scopes that these roles bring; a role that is not ours brings none."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
