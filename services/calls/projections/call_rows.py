"""The rows that a folded call has in the tables of calls, visits and legs."""

from uuid import UUID

from services.calls.domain.facts import stream_id
from services.calls.domain.fold import AgentLeg, Call
from services.calls.domain.intervals import HOUR
from services.calls.projections import contradictions
from services.calls.projections.call_tables import Row, Rows
from services.calls.projections.said import Said
from services.kernel.copying import instant_text

DAY = 24 * HOUR


def rows_of(id_: UUID, source: str, call_id: str, said: Said, call: Call) -> Rows:
    """What a call puts into the tables: as it was folded, and what more its facts say."""
    return Rows(
        [call_row(id_, source, call_id, call)],
        visit_rows(id_, call),
        leg_rows(id_, call),
        ring_rows(id_, call),
        [(id_, customer) for customer in sorted(said.customers - {call.customer})],
        former_entry_rows(id_, said, call),
        outside_name_rows(id_, said, call),
        link_rows(id_, source, call_id, call),
        contradictions.rows(id_, call),
    )


def call_row(id_: UUID, source: str, call_id: str, call: Call) -> Row:
    """The row of a call."""
    return (
        id_,
        source,
        call_id,
        call.direction,
        call.channel,
        call.campaign,
        call.customer,
        call.customer_id,
        call.customer_name,
        call.numbers_event,
        call.state,
        call.outcome,
        call.excluded,
        instant_text(call.started_at),
        instant_text(call.ended_at),
        call.root_call_id,
        call.parent_call_id,
        call.disposition,
        " ".join(call.notes),
    )


def visit_rows(id_: UUID, call: Call) -> list[Row]:
    """The rows of a call's visits, each with the sums of its legs."""
    rows = []
    for visit in call.visits:
        legs = [leg for leg in call.legs if leg.visit_id == visit.id]
        handled = [leg for leg in legs if leg.handled]
        rows.append(
            (
                id_,
                visit.number,
                visit.id,
                visit.queue,
                instant_text(visit.entered_at),
                instant_text(visit.ended_at),
                visit.outcome,
                visit.reason,
                visit.wait_ms,
                visit.agent,
                visit.turned_away,
                visit.inferred,
                call.excluded,
                len(handled),
                sum(leg.pending for leg in legs),
                sum(leg.talk_ms or 0 for leg in handled),
                sum(leg.hold_ms for leg in handled),
                sum(leg.wrapup_ms for leg in handled),
            )
        )
    return rows


def leg_rows(id_: UUID, call: Call) -> list[Row]:
    """The rows of a call's legs."""
    return [
        (
            id_,
            leg.number,
            leg.id,
            leg.visit_id,
            leg.queue,
            leg.agent,
            instant_text(leg.answered_at),
            instant_text(leg.ended_at),
            leg.ring_ms,
            leg.talk_ms,
            leg.hold_ms,
            leg.wrapup_ms,
            leg.wrapup,
            leg.inferred,
            leg.transferred,
            call.excluded,
            instant_text(leg.wrapup_at),
            _holds(leg),
        )
        for leg in call.legs
    ]


def _holds(leg: AgentLeg) -> str | None:
    """The array as PostgreSQL reads it; most legs have none."""
    if not leg.holds:
        return None
    return "{" + ",".join(str((bound - leg.answered_at) // 1000) for hold in leg.holds for bound in hold) + "}"


def ring_rows(id_: UUID, call: Call) -> list[Row]:
    """The rows of the attempts to reach agents."""
    return [
        (
            id_,
            number,
            ring.visit_id,
            ring.queue,
            ring.agent,
            instant_text(ring.at),
            ring.ring_ms,
            ring.result,
            call.excluded,
        )
        for number, ring in enumerate(call.rings, start=1)
    ]


def former_entry_rows(id_: UUID, said: Said, call: Call) -> list[Row]:
    """Where visits of the call may have begun by some of its facts, and none that counts begins now."""
    told = said.hours
    if not call.excluded:
        told = told.difference([(visit.queue, visit.entered_at // HOUR) for visit in call.visits])
    return [(id_, queue, hour) for queue, hour in sorted(told)] if told else []


def outside_name_rows(id_: UUID, said: Said, call: Call) -> list[Row]:
    """Names that the facts give, less those by which the call is found in its other rows."""
    agents, queues, campaigns = said.agents, said.queues, said.campaigns
    wide = said.until - said.began >= DAY
    if not wide:
        agents = agents.difference([leg.agent for leg in call.legs])
        queues = queues.difference([queue for queue, _ in said.hours])  # a visit or a former entry has it
        campaigns = campaigns - {call.campaign}
    given = [("agent", name) for name in agents] + [("queue", name) for name in queues]
    given += [("campaign", name) for name in campaigns]
    given += [("call", "")] if wide else []  # whoever looks for all of them finds those that give no name at all
    return sorted([(id_, kind, name, wide) for kind, name in given])


def link_rows(id_: UUID, source: str, call_id: str, call: Call) -> list[Row]:
    """Which other calls it says that it belongs to."""
    root, parent = call.root_call_id, call.parent_call_id
    if root is None and parent is None:
        return []
    links = {linked: linked == root for linked in (root, parent) if linked not in (None, call_id)}
    return [(id_, stream_id(source, "call", str(linked)), is_root) for linked, is_root in links.items()]
