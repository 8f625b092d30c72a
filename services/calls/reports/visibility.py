"""What an actor may see: a client its own queues, a limited key those that it names, an agent their own calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.calls.domain.names import Names
from services.calls.projections.identities import names_told
from services.calls.projections.stories import microseconds
from services.kernel.database import Cursor
from services.kernel.values import Actor

TOTALS_ONLY = frozenset({"client", "owner", "finance", "executive", "auditor"})  # roles that see no agent by name
NOBODY = ""  # no agent has that name
QUEUES_OF_CLIENT = "SELECT queue FROM queues WHERE client = %s"
QUEUE_NAMES = """SELECT system, kind, external_id, internal_id, valid_from, valid_to FROM identity_changes
    WHERE kind = 'queue' ORDER BY id, version"""
OFFSETS = "SELECT source, clock_offset_us FROM sources"
CLIENTS_OF = "SELECT queue, client FROM queues WHERE queue = ANY(%s) AND client IS NOT NULL"
CALENDARS_OF = "SELECT DISTINCT calendar FROM queues WHERE queue = ANY(%s) AND calendar IS NOT NULL"
SEES_AGENTS = "SELECT sees_agents FROM clients WHERE client = %s"


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


def agents_open_to(db: Cursor, actor: Actor) -> bool:
    """Whether the actor may see agents by name, if only one: a client where its settings say so."""
    if actor.client is not None:
        return db.execute(SEES_AGENTS, (actor.client,)).fetchone() == (True,)
    return names_open_to(actor) != frozenset()


def clients_of(db: Cursor, queues: Sequence[str]) -> dict[str, str]:
    """The client of each queue that has one."""
    return dict(db.execute(CLIENTS_OF, (list(queues),)).fetchall())


def calendars_open_to(db: Cursor, actor: Actor) -> list[str] | None:
    """The calendars that the actor may know of, those of the queues that they see; None where there is no limit."""
    queues = queues_open_to(db, actor)
    return None if queues is None else [name for (name,) in db.execute(CALENDARS_OF, (sorted(queues),))]


def clients_open_to(db: Cursor, actor: Actor) -> list[str] | None:
    """The clients that the actor may know of; None where there is no limit."""
    if actor.client is not None:
        return [actor.client]
    return None if actor.queues is None else sorted(set(clients_of(db, sorted(actor.queues)).values()))


def queue_is_seen(db: Cursor, actor: Actor, queue: str) -> bool:
    """Whether the actor may know of a queue."""
    seen = queues_open_to(db, actor)
    return seen is None or queue in seen


def calendar_is_seen(db: Cursor, actor: Actor, calendar: str) -> bool:
    """Whether the actor may know of a calendar."""
    seen = calendars_open_to(db, actor)
    return seen is None or calendar in seen


def client_is_seen(db: Cursor, actor: Actor, client: str) -> bool:
    """Whether the actor may know of a client of the centre."""
    seen = clients_open_to(db, actor)
    return seen is None or client in seen


def call_filters(db: Cursor, actor: Actor) -> dict[str, Any]:
    """The filters that the actor's rights add to a list of calls."""
    filters: dict[str, Any] = {}
    queues = queues_open_to(db, actor)
    if queues is not None:
        filters["seen_queues"] = sorted(queues)
    if actor.roles == {"agent"}:
        filters["seen_agent"] = actor.agent
    return filters


@dataclass(frozen=True, slots=True)
class Sight:
    """What the actor may see within a call: of which queues (None: all), and whether agents by name.

    `names` and `offsets` tell which queue a fact means: what its source's names of queues stand for, and the source's
    clock offset in microseconds.
    """

    queues: frozenset[str] | None
    agents: bool
    names: Mapping[str, Names]
    offsets: Mapping[str, int]

    @classmethod
    def of(cls, db: Cursor, actor: Actor) -> "Sight":
        """That of an actor."""
        queues, agents = queues_open_to(db, actor), agents_open_to(db, actor)
        if queues is None:
            return cls(queues, agents, {}, {})
        return cls(queues, agents, names_told(db.execute(QUEUE_NAMES)), dict(db.execute(OFFSETS).fetchall()))

    def shows(self, queue: str | None) -> bool:
        """Whether a visit or a leg of this queue is shown; of a leg that is of none, nobody knows whose it is."""
        return self.queues is None or queue in self.queues

    def tells(self, fact: dict[str, Any]) -> bool:
        """Whether a fact is shown: not where it names the queue of somebody else."""
        return self.queues is None or fact.get("queue") is None or self._meant(fact, fact["queue"]) in self.queues

    def told(self, fact: dict[str, Any]) -> dict[str, Any]:
        """A fact as it is shown: where agents are not, without whatever may name one."""
        data = dict(fact.get("data", {}))
        if self.queues is not None and "to_queue" in data and self._meant(fact, data["to_queue"]) not in self.queues:
            del data["to_queue"]
        shown = fact
        if not self.agents:
            shown = {name: value for name, value in fact.items() if name != "agent"}
            data = {name: value for name, value in data.items() if name not in ("to_agent", "raw")}
        return {**shown, "data": data} if data or "data" in fact else shown

    def _meant(self, fact: dict[str, Any], queue: str) -> str:
        names = self.names.get(fact["source"])
        if names is None:
            return queue
        at = microseconds(datetime.fromisoformat(fact["occurred_at"])) + self.offsets.get(fact["source"], 0)
        return names.inside("queue", queue, at)
