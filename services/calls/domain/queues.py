"""Queues: how one is counted and shown. Its service level policies are dated; the past is judged by their own dates."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from services.calls.domain.service_level import PolicyTerms, ServiceLevelPolicy
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Length


@values
class QueueSettings:
    """The zone in which a queue's days begin, its calendar, and the client of the centre whose calls it takes."""

    timezone: ZoneInfo = ZoneInfo("UTC")
    calendar: Annotated[str | None, Length(1, 200)] = None
    client: Annotated[str | None, Length(1, 200)] = None


@command
class ConfigureQueue(QueueSettings):
    """Set how a queue is counted: its zone, its client, and the service level policy from an instant on.

    Without `effective_from` a policy holds from now on; an instant in the past judges the past anew.
    """

    service_level: ServiceLevelPolicy | None = None


@event("queue_configured")
class QueueConfigured(QueueSettings):
    """From now on the queue is counted so. `queue` is its name."""

    queue: str = ""


@event("policy_adopted")
class PolicyAdopted(ServiceLevelPolicy):
    """The visits that enter the queue from `effective_from` on are judged so, until the next policy begins."""

    queue: str = ""


@state
class Queue:
    """A queue's settings (None until first set) and its policies in the order of their adoption."""

    settings: QueueSettings | None = None
    policies: tuple[ServiceLevelPolicy, ...] = ()


@values
class QueueView(QueueSettings):
    """A queue as it is shown, with the policy last adopted; what was not configured is shown as it is by default."""

    queue: str = ""
    configured: bool = False
    service_level: ServiceLevelPolicy = ServiceLevelPolicy()


def decide(queue: Queue, order: ConfigureQueue, ctx: Context) -> Decision:
    """Only what changes happens."""
    policy = order.service_level
    if policy is not None and (both := sorted({*policy.count_as_abandoned} & {*policy.exclude})):
        refusal = f"Count {', '.join(both)} as abandoned, or exclude it: not both."
        return Rejected("calls.queue.reason_both_ways", refusal, 422, "/service_level/exclude")
    settings = of(QueueSettings, order)
    changes: list[QueueConfigured | PolicyAdopted] = []
    if queue.settings != settings:
        changes.append(of(QueueConfigured, settings, queue=ctx.key))
    if policy is not None and not _stands(queue, policy, ctx.now):
        changes.append(of(PolicyAdopted, policy, queue=ctx.key, effective_from=policy.effective_from or ctx.now))
    return changes


def _stands(queue: Queue, policy: ServiceLevelPolicy, now: datetime) -> bool:
    """Whether the policy is what was adopted last; without a date, whether such terms hold already."""
    last = queue.policies[-1] if queue.policies else None
    if last is None or policy.effective_from is not None:
        return last == policy
    begun = last.effective_from is None or last.effective_from <= now
    return begun and of(PolicyTerms, last) == of(PolicyTerms, policy)


def evolve(queue: Queue, happened: QueueConfigured | PolicyAdopted) -> Queue:
    """Settings replace each other; policies add up."""
    match happened:
        case QueueConfigured():
            return changed(queue, settings=of(QueueSettings, happened))
        case PolicyAdopted():
            return changed(queue, policies=(*queue.policies, of(ServiceLevelPolicy, happened)))


def view(name: str, queue: Queue) -> QueueView:
    """What is shown of a queue: the default policy where none is adopted."""
    last = queue.policies[-1] if queue.policies else ServiceLevelPolicy()
    configured = queue.settings is not None
    return of(QueueView, queue.settings or QueueSettings(), queue=name, configured=configured, service_level=last)
