"""What the events of Asterisk's manager interface mean, as one table (FORMATS section 3)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.adapters.asterisk_records import Told


class Rule(NamedTuple):
    """What an event means: the fact's type, where its numbers go, what is always so, and what the log may tell too."""

    type: str
    places: Mapping[str, str] = {}
    always: Mapping[str, Any] = {}
    told: Told | None = None


JOIN = Rule("call.queued", {"position": "position"}, told="entered")
_WAITED = {"holdtime": "wait_seconds", "ringtime": "ring_seconds"}
# TalkTime runs from the answer to the end, whatever was held meanwhile (app_queue.c: time(NULL) - starttime).
_COMPLETED = {"holdtime": "wait_seconds", "talktime": "talk_seconds"}
_GROSS = {"talk_includes_hold": True}
ENDED = Rule("call.ended", _COMPLETED, _GROSS, "completed")
TRANSFERRED = Rule("call.transferred", {"talktime": "talk_seconds"}, _GROSS, "completed")
_GAVE_UP = {"position": "position", "holdtime": "wait_seconds"}
# Sent of every exit, answers included; of one alone where the caller has pressed a key.
LEFT = Rule("call.queue_left", always={"reason": "key", "tentative": True})
PAUSED, RESUMED, STATE = Rule("agent.paused"), Rule("agent.resumed"), Rule("agent.state_changed")

RULES: Mapping[str, Rule] = {
    "queuecallerjoin": JOIN,
    "join": JOIN,  # until Asterisk 11
    # Also sent when a caller is sent on after the time-out or for want of agents: what follows, or the log, tells.
    "queuecallerabandon": Rule("call.abandoned", _GAVE_UP, {"tentative": True}, told="left"),
    "queuecallerleave": LEFT,
    "leave": LEFT,  # until Asterisk 11
    "agentcalled": Rule("call.ringing"),
    "agentconnect": Rule("call.answered", _WAITED, told="answered"),
    # Milliseconds, whatever the documentation says: `rna()` of app_queue.c gives the same `rnatime` to this event, to
    # RINGNOANSWER of the log and to the message "Nobody picked up in %d ms". AgentConnect's are seconds.
    "agentringnoanswer": Rule("call.ring_no_answer", {"ringtime": "ring_milliseconds"}, told="missed"),
    "agentdump": Rule("call.ring_no_answer", told="dumped"),
    "agentcomplete": ENDED,
    "queuememberadded": Rule("agent.signed_in"),
    "queuememberremoved": Rule("agent.signed_out"),
    "queuememberpause": PAUSED,
    "queuememberpaused": PAUSED,  # until Asterisk 11
    "queuememberstatus": STATE,
    "queuememberpenalty": STATE,
    "queuememberringinuse": STATE,
    "hold": Rule("call.held"),
    "unhold": Rule("call.resumed"),
}
# Answers to actions and moving averages.
WITHOUT_FACT = frozenset(
    {
        "queueparams", "queuemember", "queueentry", "queuestatuscomplete", "queuesummary",
        "queuesummarycomplete", "fullybooted", "successfulauth", "challengesent",
    }
)  # fmt: skip
# Events of a channel that may be the caller's or the agent's; what they have in common is the call that began it all.
OF_EITHER_SIDE = frozenset({"hold", "unhold"})
MEMBER = ("membername", "agentname", "interface", "agentcalled", "member", "location")
STATES = {
    "0": "unknown", "1": "not_in_use", "2": "in_use", "3": "busy", "4": "invalid", "5": "unavailable", "6": "ringing",
    "7": "ringing_in_use", "8": "on_hold",
}  # fmt: skip
