"""Calls as rows of a CSV file (FORMATS section 9)."""

from collections.abc import Iterator

from loadtests.feeds.queue_calls import QueueCall, instant

HEADER = (
    "external_id,direction,started_at,queue,queued_at,answered_at,ended_at,agent,from_number,to_number,outcome,"
    "ring_s,wait_s,talk_s,hold_s,wrapup_s,disposition,recording_url,tz,region,updated_at"
)


def row(call: QueueCall) -> Iterator[tuple[float, str]]:
    """The row of a call."""
    outcome = "answered" if call.answered else "abandoned"
    talked = [str(call.talk), "0", "30", "sold"] if call.answered else [""] * 4
    ring = "3" if call.answered else ""
    cells = [
        call.id, "inbound", instant(call.began), call.queue, instant(call.queued), instant(call.answered),
        instant(call.ended), call.agent or "", call.caller, call.called, outcome, ring, str(call.wait), *talked, "", "",
        "", instant(call.ended),
    ]  # fmt: skip
    yield call.ended, ",".join(cells)
