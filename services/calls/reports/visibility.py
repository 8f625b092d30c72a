"""What an actor may see: a client its own queues, a limited key those that it names, an agent their own calls.

And whom by name: a supervisor their team, an agent themselves; all others but who runs the centre totals alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.calls.domain.memberships import ALWAYS
from services.calls.domain.names import Names
from services.calls.domain.spans import Span
from services.calls.projections.identities import read_names
from services.calls.projections.stories import microseconds
from services.calls.reports.teams import members
from services.kernel.database import Cursor
from services.kernel.values import Actor

# Whom an actor sees by name: each agent for spans of time, nobody where there are none; None: everybody, always.
Known = Mapping[str, Sequence[Span]] | None

SEES_ALL = frozenset({"administrator", "manager"})  # and keys, which have no roles
NOBODY = ""  # no agent has that name; of whoever may see somebody by name, so that it is not taken for totals alone
UTC = ZoneInfo("UTC")
QUEUES_OF_CLIENT = "SELECT queue FROM queues WHERE client = %s"
CLIENTS_OF = "SELECT queue, client FROM queues WHERE queue = ANY(%s) AND client IS NOT NULL"
CALENDARS_OF = "SELECT DISTINCT calendar FROM queues WHERE queue = ANY(%s) AND calendar IS NOT NULL"
SEES_AGENTS = "SELECT sees_agents FROM clients WHERE client = %s"


def queues_open_to(db: Cursor, actor: Actor) -> frozenset[str] | None:
    """The queues whose figures and calls the actor may see; None where there is no limit."""
    if actor.client is None:
        return actor.queues
    own = frozenset(queue for (queue,) in db.execute(QUEUES_OF_CLIENT, (actor.client,)))
    return own if actor.queues is None else own & actor.queues


def names_open_to(db: Cursor, actor: Actor, zone: ZoneInfo = UTC) -> Known:
    """Whose doings the actor may see by name, by the days of a zone: empty where totals alone are theirs.

    A supervisor sees each agent of the team in their token for the time that they are in it, without one nobody.
    """
    if actor.client is not None:
        return {}
    if not actor.roles or not actor.roles.isdisjoint(SEES_ALL):
        return None
    known: dict[str, Sequence[Span]] = {}
    if "supervisor" in actor.roles and actor.team is not None:
        known |= {NOBODY: (), **members(db, actor.team, zone)}
    if "agent" in actor.roles:
        known |= {NOBODY: (), **({actor.agent: (ALWAYS,)} if actor.agent else {})}
    return known


def names_in_calls(db: Cursor, actor: Actor) -> Known:
    """Whom the actor may see by name in calls: a client all, where its settings say so; an agent all, in their own."""
    if actor.client is not None:
        return None if db.execute(SEES_AGENTS, (actor.client,)).fetchone() == (True,) else {}
    return None if actor.roles == {"agent"} else names_open_to(db, actor)


def is_shown(known: Known, agent: str, at: datetime) -> bool:
    """Whether an agent is shown by name as of an instant."""
    return known is None or any(begin <= at < end for begin, end in known.get(agent, ()))


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
    """What the actor may see within a call: of which queues (None: all), and whom by name."""

    queues: frozenset[str] | None
    known: Known

    @classmethod
    def of(cls, db: Cursor, actor: Actor) -> "Sight":
        """That of an actor."""
        return cls(queues_open_to(db, actor), names_in_calls(db, actor))

    @property
    def agents(self) -> bool:
        """Whether it shows anybody by name."""
        return self.known is None or bool(self.known)

    def named(self, agent: str | None, at: datetime) -> str | None:
        """The name of an agent as of an instant, where it is shown."""
        return agent if agent is not None and is_shown(self.known, agent, at) else None

    def meanings(self, db: Cursor) -> Mapping[str, Names]:
        """What outside names mean, as far as that decides which of them are shown."""
        return read_names(db, "identity_changes") if self.known else {}

    def shows(self, queue: str | None) -> bool:
        """Whether a visit or a leg of this queue is shown; of a leg that is of none, nobody knows whose it is."""
        return self.queues is None or queue in self.queues

    def tells(self, fact: dict[str, Any]) -> bool:
        """Whether a fact is shown: not where it names the queue of somebody else."""
        return self.queues is None or fact.get("queue") is None or fact["queue"] in self.queues

    def told(self, fact: dict[str, Any], at: datetime, meanings: Mapping[str, Names]) -> dict[str, Any]:
        """A fact of an instant as it is shown: without whatever may name an agent who is not."""
        data = dict(fact.get("data", {}))
        if self.queues is not None and data.get("to_queue") not in self.queues:
            data.pop("to_queue", None)
        shown = dict(fact)
        if self.known is not None:
            data.pop("raw", None)
            names = meanings.get(fact["source"])
            for holder, name in ((shown, "agent"), (data, "to_agent")):
                outside = holder.get(name)
                inside = names.inside("agent", outside, microseconds(at)) if names and outside else outside
                if self.named(inside, at) is None:
                    holder.pop(name, None)
        return {**shown, "data": data} if data or "data" in fact else shown
