"""What a role may do: the one place where roles become scopes."""

from collections.abc import Iterable

INGEST = "calls:ingest"

SCOPES: dict[str, str] = {
    INGEST: "Send call facts and telephone logs.",
    "calls:read": "See calls and their facts.",
    "queues:read": "See queues and their service-level policies.",
    "queues:write": "Configure queues and adopt service-level policies.",
    "sources:read": "See telephone sources.",
    "sources:write": "Configure telephone sources.",
    "reports:read": "See reports and what stands behind each figure.",
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
    "events:read": "Read the public events of all services.",
    "dead-letters:read": "See messages that were put aside, and what they hold.",
    "dead-letters:replay": "Send messages that were put aside again.",
    "keys:read": "See API keys.",
    "keys:write": "Make and revoke API keys.",
}

_SEES_CALLS = {"calls:read", "queues:read", "reports:read", "live:read"}
_SETS_QUOTAS = {"quotas:read", "quotas:write", "quotas:agree"}
_SEES_ALERTS = {"alerts:read", "alerts:acknowledge"}
_SETS_ALERTS = {"alert-rules:read", "alert-rules:write"}
_SCHEDULES_REPORTS = {"report-schedules:read", "report-schedules:write"}
_TRAINS = {"inductions:read", "inductions:write", "learning-plans:read", "learning-plans:write"}
_KEEPS_STAFF = {"employees:read", "employees:write", "supervision:write", "supervision:sign-off"}
_REWARDS = {"awards:read", "awards:write", "awards:approve"}
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
        | {"queues:write", "sources:read", "sources:write", "privacy:export", "privacy:erase"}
    ),
    "supervisor": frozenset(_SEES_CALLS | _SEES_ALERTS | {"quotas:read", "alert-rules:read"}),
    "agent": frozenset(),
    "hr": frozenset(_KEEPS_STAFF | _TRAINS | _REWARDS),
    "trainer": frozenset(_TRAINS),
    "finance": frozenset({"reports:read", "awards:read"} | _HOLDS_BUDGET),
    "owner": frozenset({"queues:read", "quotas:read", "reports:read", "live:read", "budget:read"}),
    "executive": frozenset({"queues:read", "quotas:read", "reports:read", "budget:read"}),
    "client": frozenset({"queues:read", "reports:read"} | _SETS_QUOTAS),
    "integrator": frozenset({INGEST, "sources:read", "sources:write", "queues:read", "events:read"}),
    "auditor": frozenset(
        {
            "calls:read",
            "queues:read",
            "sources:read",
            "reports:read",
            "quotas:read",
            "budget:read",
            "events:read",
            "dead-letters:read",
            "keys:read",
        }
    ),
}


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """All scopes that these roles bring; a role that is not ours brings none."""
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))
