"""Doubts about when agents were there: sign-outs that nobody told, as the fold over their presence finds them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from services.calls.domain.agents_time import life
from services.calls.domain.presence import SILENCE, missing_sign_outs
from services.calls.projections.stories import microseconds
from services.calls.reports.doubts import Doubt
from services.calls.reports.floor import Agent, Said, agents_near, agents_signed_in, instant, legs_of, restarts_known
from services.kernel.database import Cursor

# Whoever was heard of last before that has been silent meanwhile, whatever calls there were: nobody works so long.
LONG_AGO = timedelta(microseconds=3 * SILENCE)


def sign_outs_missing(
    db: Cursor, begin: datetime, end: datetime, sources: Collection[str] | None, now: datetime
) -> list[Doubt]:
    """Those of agents of whom the last was heard in the range before they must have left; in their order."""
    restarts = restarts_known(db)
    agents = agents_signed_in(db, begin, end)
    at_work = _life(db, agents, now)
    doubts = []
    for agent in agents:
        for told_by, marks in agent.by_source().items():
            if sources is not None and told_by not in sources:
                continue
            around = (at_work.get(agent.name, ()), restarts.get(told_by, ()), microseconds(now))
            missing = {mark for mark in missing_sign_outs(marks, *around) if begin <= instant(mark.at) < end}
            if missing:
                said = (each for each in agent.said if each.source == told_by and each.mark in missing)
                doubts += [_doubt(agent.name, each) for each in said]
    return sorted(doubts, key=lambda doubt: (doubt.at, doubt.key))


def _life(db: Cursor, agents: Sequence[Agent], now: datetime) -> Mapping[str, Sequence[tuple[int, int]]]:
    """When those worked on calls of whom only that can tell whether they are still there."""
    doubtful = [
        agent.name
        for agent in agents
        if now - LONG_AGO < instant(max(each.mark.at for each in agent.said)) < now - LONG_AGO / 3
        and agent.present_since(now) is not None
    ]
    begin = now - LONG_AGO
    near = agents_near(db, legs_of(db, doubtful, begin, now), begin, now)
    return {agent.name: life(agent.legs, microseconds(now)) for agent in near}


def _doubt(agent: str, said: Said) -> Doubt:
    queue = said.mark.about if said.mark.kind == "sign" else ""
    return Doubt(
        source=said.source,
        kind="missing_sign_out",
        call=None,
        at=instant(said.mark.at),
        about=agent,
        detail=queue or None,
        thing="agent",
        stream=said.stream,
        events=[said.event],
        key=f"{said.event} {queue}",
        count=1,
    )
