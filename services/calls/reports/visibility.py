"""What an actor may see: a client its own queues, a limited key those that it names, an agent their own calls.

And whom by name: a supervisor their team, an agent themselves; all others but who runs the centre totals alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.calls.domain.memberships import ALWAYS
from services.calls.domain.names import Names
from services.calls.domain.spans import Span
from services.calls.projections.identities import names_told
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
NAMES = """SELECT system, kind, external_id, internal_id, valid_from, valid_to FROM identity_changes
    WHERE kind = ANY(%s) ORDER BY id, version"""
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
    """What the actor may see within a call: of which queues (None: all), and whom by name.

    `names` and `offsets` tell what a fact means: what its source's names stand for, and the source's clock offset in
    microseconds; empty where that decides nothing.
    """

    queues: frozenset[str] | None
    known: Known
    names: Mapping[str, Names]
    offsets: Mapping[str, int]

    @classmethod
    def of(cls, db: Cursor, actor: Actor) -> "Sight":
        """That of an actor."""
        queues, known = queues_open_to(db, actor), names_in_calls(db, actor)
        kinds = ["queue"] * (queues is not None) + ["agent"] * bool(known)
        if not kinds:
            return cls(queues, known, {}, {})
        return cls(queues, known, names_told(db.execute(NAMES, (kinds,))), dict(db.execute(OFFSETS).fetchall()))

    @property
    def agents(self) -> bool:
        """Whether it shows anybody by name."""
        return self.known is None or bool(self.known)

    def named(self, agent: str | None, at: datetime) -> str | None:
        """The name of an agent as of an instant, where it is shown."""
        return agent if agent is not None and is_shown(self.known, agent, at) else None

    def shows(self, queue: str | None) -> bool:
        """Whether a visit or a leg of this queue is shown; of a leg that is of none, nobody knows whose it is."""
        return self.queues is None or queue in self.queues

    def tells(self, fact: dict[str, Any]) -> bool:
        """Whether a fact is shown: not where it names the queue of somebody else."""
        return (
            self.queues is None or fact.get("queue") is None or self._meant(fact, "queue", fact["queue"]) in self.queues
        )

    def told(self, fact: dict[str, Any]) -> dict[str, Any]:
        """A fact as it is shown: without whatever may name an agent or a queue that is not."""
        data = dict(fact.get("data", {}))
        to_queue = data.get("to_queue")
        if self.queues is not None and (to_queue is None or self._meant(fact, "queue", to_queue) not in self.queues):
            data.pop("to_queue", None)
        shown = dict(fact)
        if self.known is not None:
            data.pop("raw", None)
            for holder, name in ((shown, "agent"), (data, "to_agent")):
                outside = holder.get(name)
                if outside is None or self.named(self._meant(fact, "agent", outside), self._at(fact)) is None:
                    holder.pop(name, None)
        return {**shown, "data": data} if data or "data" in fact else shown

    def _meant(self, fact: dict[str, Any], kind: str, name: str) -> str:
        names = self.names.get(fact["source"])
        return names.inside(kind, name, microseconds(self._at(fact))) if names else name

    def _at(self, fact: dict[str, Any]) -> datetime:
        offset = timedelta(microseconds=self.offsets.get(fact["source"], 0))
        return datetime.fromisoformat(fact["occurred_at"]) + offset
