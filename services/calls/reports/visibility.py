"""What an actor may see: a client its own queues, a limited key those that it names, an agent their own calls."""

from typing import Any

from services.kernel.database import Cursor
from services.kernel.values import Actor

TOTALS_ONLY = frozenset({"client", "owner", "finance", "executive", "auditor"})  # roles that see no agent by name
NOBODY = ""  # no agent has that name
QUEUES_OF_CLIENT = "SELECT queue FROM queues WHERE client = %s"


def queues_open_to(db: Cursor, actor: Actor) -> frozenset[str] | None:
    """The queues whose figures and calls the actor may see; None where there is no limit."""
    if actor.client is None:
        return actor.queues
    own = frozenset(queue for (queue,) in db.execute(QUEUES_OF_CLIENT, (actor.client,)))
    return own if actor.queues is None else own & actor.queues


def names_open_to(actor: Actor) -> frozenset[str] | None:
    """The agents whom the actor may see by name; None where there is no limit, empty where totals alone are theirs."""
    if actor.client is not None or (actor.roles and actor.roles <= TOTALS_ONLY):
        return frozenset()
    if actor.roles == {"agent"}:
        return frozenset({actor.agent or NOBODY})
    return None


def call_filters(db: Cursor, actor: Actor) -> dict[str, Any]:
    """The filters that the actor's rights add to a list of calls."""
    filters: dict[str, Any] = {}
    queues = queues_open_to(db, actor)
    if queues is not None:
        filters["seen_queues"] = sorted(queues)
    if actor.roles == {"agent"}:
        filters["seen_agent"] = actor.agent
    return filters
