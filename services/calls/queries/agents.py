"""The agents' report: what each handled, and how their time was spent."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from services.calls.queries.calls import Name
from services.calls.queries.service_level import AgentGroup, Interval
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class AgentsOf(Paged):
    """Report what agents handled and how their time was spent, per agent and interval.

    A leg counts in the interval in which it was answered, a ring in that in which it began; `handle_seconds` and
    `aht_seconds` are of the handled legs that count. All other times are cut at interval edges. With `queue` everything
    is as that queue sees it: on calls of other queues an agent is elsewhere. With `team` everything is of the time that
    agents were in it, by the days of `timezone`, else of the zone of `queue`, else UTC. Rows are by agent, by queue, by
    team (what agents did in none has a row of its own) or one `total`; without `group_by`, by agent where the caller
    may see agents by name, else by queue. An agent sees themselves alone, a supervisor their team, each agent for the
    time that they are in it. Rows by agent come in pages, by name and interval, and a page may have fewer rows than
    `limit`; all of them are as of the instant of the first. Others come at once. With `as_known_at` it is the report of
    that instant, of everything recorded at or before it; who may see whom is decided as of now.
    """

    from_: datetime
    to: datetime
    agent: Name | None = None
    queue: Name | None = None
    team: Name | None = None
    interval: Interval = "P1D"
    group_by: AgentGroup | None = None
    timezone: ZoneInfo | None = None
    as_known_at: datetime | None = None


@values
class AgentRow:
    """The figures of one agent, queue or team, or of all in one interval; null where a ratio has nothing to stand on.

    Signed-in time is `handling_seconds` + `elsewhere_seconds` + `available_seconds` + `paused_seconds`; it is also
    given by state, and pauses by activity. `occupancy` is handling over handling and available, `utilisation` handling
    over signed-in time. `signed_out_handling_seconds` is work while nobody had told of a sign-in: it is in no ratio.
    `inferred_sign_outs` counts ends of signed-in time that no fact tells. `ring_no_answer_rate` is of rings, which
    leave cancelled ones out; `transfer_rate` of handled legs.
    """

    agent: str | None
    queue: str | None
    team: str | None
    interval_start: datetime
    handled: int
    pending: int
    handle_seconds: Decimal
    aht_seconds: Decimal | None
    talk_seconds: Decimal
    hold_seconds: Decimal
    wrapup_seconds: Decimal
    rings: int
    rings_answered: int
    rings_missed: int
    rings_cancelled: int
    ring_seconds: Decimal
    ring_no_answer_rate: Decimal | None
    transferred: int
    transferred_blind: int
    transferred_attended: int
    transfer_rate: Decimal | None
    signed_in_seconds: Decimal
    handling_seconds: Decimal
    elsewhere_seconds: Decimal
    available_seconds: Decimal
    paused_seconds: Decimal
    state_seconds: dict[str, Decimal]
    activity_seconds: dict[str, Decimal]
    signed_out_handling_seconds: Decimal
    inferred_sign_outs: int
    occupancy: Decimal | None
    utilisation: Decimal | None


@values
class AgentReport:
    """Rows by agent or queue and interval; `utilisation_of` names the denominator of utilisation."""

    items: tuple[AgentRow, ...]
    group_by: AgentGroup
    interval: Interval
    timezone: str | None
    utilisation_of: Literal["signed_in_seconds"]
    as_of: datetime
    next: str | None
