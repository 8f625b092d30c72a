"""How facts become visits and legs: a rule for each line of FIELD 4.1, in the order of that table."""

from collections.abc import Callable, Sequence

from services.calls.domain.legs import OpenLeg, RingResult
from services.calls.domain.reading import Reading
from services.calls.domain.story import Fact, sort_key
from services.calls.domain.visits import TURNED_AWAY, QueueVisit

Rule = Callable[[Reading, Fact], None]
_RULES: dict[str, Rule] = {}


def read(story: Sequence[Fact]) -> Reading:
    """What a call's facts tell, read in their order."""
    reading = Reading(story)
    for fact in story:
        rule = _RULES.get(fact.type)
        if rule is not None and fact not in reading.early:
            rule(reading, fact)
    return reading


def _reads(*types: str) -> Callable[[Rule], Rule]:
    def marked(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(types, rule))
        return rule

    return marked


@_reads("call.queued")
def _queued(call: Reading, fact: Fact) -> None:
    call.enter(fact, fact.occurred_at)


@_reads("call.answered")
def _answered(call: Reading, fact: Fact) -> None:
    waiting = call.waiting(fact.queue)
    visit: QueueVisit | None = None
    if waiting or fact.queue is not None:
        visit = call.leave(fact, waiting, "answered")
        visit.agent = fact.agent
    ring_ms = fact.milliseconds("ring_seconds")
    ring = call.ringing(fact.agent)
    if ring is not None:
        ring.end("answered", fact.occurred_at, ring_ms)
        ring_ms = ring.ring_ms
    call.connect(fact, visit, fact.occurred_at, ring_ms)


@_reads("call.abandoned")
def _abandoned(call: Reading, fact: Fact) -> None:
    call.leave(fact, call.waiting(fact.queue), "abandoned")
    call.gone_at = fact.occurred_at


@_reads("call.queue_left")
def _queue_left(call: Reading, fact: Fact) -> None:
    reason, waiting = fact.data["reason"], call.waiting(fact.queue)
    if reason in TURNED_AWAY and "wait_seconds" not in fact.data and not waiting:
        visit = call.enter(fact, fact.occurred_at)
        visit.turned_away = True
        visit.end("overflowed", fact.occurred_at, 0, call.notes)
    else:
        visit = call.leave(fact, waiting, "overflowed")
    visit.reason = reason


@_reads("call.ringing", "call.ring_no_answer")
def _rang(call: Reading, fact: Fact) -> None:
    unanswered = fact.type == "call.ring_no_answer"
    ring = call.ringing(fact.agent) if unanswered else None
    if ring is None:
        ring = call.ring(fact)
    result: RingResult = "cancelled" if fact.data.get("cancelled") else "missed" if unanswered else "ringing"
    ring.end(result, fact.occurred_at, fact.milliseconds("ring_seconds"))


@_reads("call.leg_ended")
def _leg_ended(call: Reading, fact: Fact) -> None:
    leg = call.leg_of(fact)
    if leg is None or leg.agent != fact.agent:
        call.notes["end_without_leg"] = None
    else:
        _end(leg, fact)


@_reads("call.held")
def _held(call: Reading, fact: Fact) -> None:
    if leg := call.leg_of(fact):
        leg.hold(fact.occurred_at)


@_reads("call.resumed")
def _resumed(call: Reading, fact: Fact) -> None:
    if leg := call.leg_of(fact):
        leg.resume(fact.occurred_at)


@_reads("call.wrapup_started")
def _wrapup_started(call: Reading, fact: Fact) -> None:
    if leg := call.leg_of(fact):
        leg.wrapups_begun += (fact.occurred_at,)


@_reads("call.wrapup_ended")
def _wrapup_ended(call: Reading, fact: Fact) -> None:
    if leg := call.leg_of(fact):
        leg.wrapups_ended += ((fact.occurred_at, fact.milliseconds("wrapup_seconds")),)


@_reads("call.transferred")
def _transferred(call: Reading, fact: Fact) -> None:
    leg = call.leg_of(fact)
    if leg is not None and leg.agent != fact.agent:
        # Nobody is named: the leg that ran before this instant, not one that the transfer opened in it.
        running = call.running()
        leg = next((each for each in running if each.answered_at < fact.occurred_at), running[0] if running else leg)
    if leg is not None:
        _end(leg, fact)
        leg.transferred = leg.transferred or fact.data.get("kind", "unstated")
    else:
        _send_on(call, fact)
    call.gone_at = fact.occurred_at


def _send_on(call: Reading, fact: Fact) -> None:
    """Nobody has answered: whoever waits has not given up, but goes on elsewhere."""
    for visit in call.waiting():
        if visit.entered_at < fact.occurred_at and call.exit_to_come(visit, fact) is None:
            visit.end("overflowed", fact.occurred_at, None, call.notes)
            visit.reason = "overflow"


@_reads("call.ended")
def _ended(call: Reading, fact: Fact) -> None:
    at, wait, talk = fact.occurred_at, fact.milliseconds("wait_seconds"), fact.milliseconds("talk_seconds")
    _read_exits(call, fact)
    running = call.running()
    if not running and wait is not None and talk is not None:
        running = _imply_answer(call, fact, wait, talk)
    if running:
        _end(next((leg for leg in running if leg.agent == fact.agent), running[0]), fact)
        wait = None  # it is that before the answer
    for leg in running:
        leg.end(at)
    for visit in call.waiting():
        if running and visit.entered_at == at:
            continue  # the agent hung up, and in the same instant the caller went on to this queue
        visit.end("abandoned" if fact.data.get("by") == "caller" else "overflowed", at, wait, call.notes)
        visit.reason = None if visit.outcome == "abandoned" else "withdrawn"
        wait = None
    call.ended_at = at


def _end(leg: OpenLeg, fact: Fact) -> None:
    talk, hold = fact.milliseconds("talk_seconds"), fact.milliseconds("hold_seconds")
    leg.end(fact.occurred_at, talk, hold, talk_includes_hold=fact.data.get("talk_includes_hold", False))


def _read_exits(call: Reading, end: Fact) -> None:
    """Before it ended, a call left its queue, was answered or sent on: reads now what says so under a later stamp."""
    later = [left for visit in call.waiting() if (left := call.exit_to_come(visit, end))]
    if not later and not call.legs:
        later = _only_one(call, "call.answered", end) or _only_one(call, "call.transferred", end)
    for fact in later:
        call.early.append(fact)
        _RULES[fact.type](call, fact)


def _only_one(call: Reading, kind: str, end: Fact) -> list[Fact]:
    """The one fact of this type, if it is told later than the one end."""
    found = [fact for fact in call.story if fact.type == kind]
    ends = [fact for fact in call.story if fact.type == "call.ended"]
    return found if len(found) == len(ends) == 1 and sort_key(found[0]) > sort_key(end) else []


def _imply_answer(call: Reading, fact: Fact, wait: int, talk: int) -> list[OpenLeg]:
    """The leg of an end that presupposes an answer of which nothing tells, if it does."""
    at = fact.occurred_at - (talk + (fact.milliseconds("hold_seconds") or 0)) * 1000
    waiting = call.waiting(fact.queue)
    told_of = [visit.queue for visit in call.visits] + [leg.queue for leg in call.legs]
    if not waiting and any(fact.queue is None or queue in (None, fact.queue) for queue in told_of):
        return []
    visit = waiting[0] if waiting else call.imply_entry(fact, at - wait * 1000) if fact.queue else None
    if visit is not None:
        visit.end("answered", at, wait, call.notes)
        visit.agent, visit.inferred = fact.agent, True
    return [call.connect(fact, visit, at, None)]


@_reads("call.disposition_set")
def _disposition_set(call: Reading, fact: Fact) -> None:
    call.dispositions.append(fact)


@_reads("call.excluded", "call.included")
def _excluded(call: Reading, fact: Fact) -> None:
    call.excluded = fact.type == "call.excluded"
