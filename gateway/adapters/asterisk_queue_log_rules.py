"""What the lines of Asterisk's queue_log mean, as one table (FORMATS section 2)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.adapters.asterisk_records import Told


class Rule(NamedTuple):
    """What an event means: the fact's type, its fewest parameters, where each goes, and what is always so.

    Places: `from` (a caller's number), a field of `data`, or `raw.x`; seconds and positions are numbers. `told`: what
    AMI may tell of too.
    """

    type: str
    fewest: int = 0
    places: Sequence[str] = ()
    always: Mapping[str, Any] = {}
    told: Told | None = None


# Asterisk measures talk from the answer to the end; holds are told by AMI alone.
_GROSS = {"talk_includes_hold": True}
_EXIT = ("raw.position", "raw.original_position", "wait_seconds")
_COMPLETE = ("wait_seconds", "talk_seconds", "raw.original_position")
_TRANSFER = ("raw.wait_seconds", "talk_seconds", "raw.original_position")
_BLIND = Rule(
    "call.transferred", 2, ("raw.extension", "raw.context", *_TRANSFER), {"kind": "blind", **_GROSS}, "completed"
)
_SIGNED_IN, _SIGNED_OUT = Rule("agent.signed_in", 0, ("raw.channel",)), Rule("agent.signed_out", 0, ("raw.channel",))
PAUSED, _RESUMED = Rule("agent.paused", 0, ("reason",)), Rule("agent.resumed", 0, ("reason",))


def _left(reason: str) -> Rule:
    return Rule("call.queue_left", always={"reason": reason})


RULES: Mapping[str, Rule] = {
    "ENTERQUEUE": Rule("call.queued", 2, ("raw.url", "from", "position", "raw.caller_name"), told="entered"),
    "CONNECT": Rule("call.answered", 1, ("wait_seconds", "raw.agent_channel", "ring_seconds"), told="answered"),
    "COMPLETECALLER": Rule("call.ended", 2, _COMPLETE, {"by": "caller", **_GROSS}, "completed"),
    "COMPLETEAGENT": Rule("call.ended", 2, _COMPLETE, {"by": "agent", **_GROSS}, "completed"),
    "ABANDON": Rule("call.abandoned", 3, ("position", "raw.original_position", "wait_seconds"), told="left"),
    "EXITWITHTIMEOUT": Rule("call.queue_left", 1, _EXIT, {"reason": "timeout"}, "left"),
    "EXITEMPTY": Rule("call.queue_left", 1, _EXIT, {"reason": "no_agents"}, "left"),
    "EXITWITHKEY": Rule("call.queue_left", 2, ("key", *_EXIT), {"reason": "key"}, "left"),
    "WITHDRAW": Rule("call.queue_left", 3, (*_EXIT, "raw.info"), {"reason": "withdrawn"}, "left"),
    "RINGNOANSWER": Rule("call.ring_no_answer", 1, ("ring_milliseconds",), told="missed"),
    "RINGCANCELED": Rule("call.ring_no_answer", 1, ("ring_milliseconds",), {"cancelled": True}),
    "AGENTDUMP": Rule("call.ring_no_answer", told="dumped"),
    "BLINDTRANSFER": _BLIND,
    "TRANSFER": _BLIND,
    "ATTENDEDTRANSFER": Rule(
        "call.transferred", 4, ("raw.target", *_TRANSFER), {"kind": "attended", **_GROSS}, "completed"
    ),
    "ADDMEMBER": _SIGNED_IN,
    "REMOVEMEMBER": _SIGNED_OUT,
    "AGENTLOGIN": _SIGNED_IN,
    "AGENTLOGOFF": Rule("agent.signed_out", 0, ("raw.channel", "raw.signed_in_seconds")),
    "PAUSE": PAUSED,
    "PAUSEALL": PAUSED,
    "UNPAUSE": _RESUMED,
    "UNPAUSEALL": _RESUMED,
    "QUEUESTART": Rule("source.restarted"),
    # Turned away before entering, as some distributions write it.
    "FULL": _left("full"),
    "JOINEMPTY": _left("no_agents"),
    "LEAVEEMPTY": _left("no_agents"),
    "CLOSED": _left("closed"),
}
DIVERTED = _left("overflow")  # DIVERT_*
WITHOUT_FACT = frozenset({"CONFIGRELOAD", "SYSCOMPAT"})
OUTCALL_BEGAN = Rule("call.started")
OUTCALL_ENDED = Rule("call.ended", 2, ("cause", "talk_seconds", "raw.parameters"))
TEXTS = frozenset({"reason", "key", "cause"})
