"""The same calls as an Asterisk writes them into its queue_log: whole seconds, no hold, no wrap-up, no direction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from loadtests.simulator.journal import Fact

_TURNED_AWAY = {"full": "FULL", "no_agents": "JOINEMPTY", "closed": "CLOSED"}


def queue_log(facts: Iterable[Fact]) -> Iterator[str]:
    """Lines without their line end, for undisturbed facts in the order in which they occurred."""
    calls: dict[str, _Inbound | _Outbound] = {}
    for fact in facts:
        at = int(datetime.fromisoformat(fact["occurred_at"]).timestamp())
        if "call_id" not in fact:
            yield from _of_agent(at, fact)
        else:
            kind = _Outbound if fact["direction"] == "outbound" else _Inbound
            yield from calls.setdefault(fact["call_id"], kind()).lines(at, fact)


def _line(at: int, call: str, queue: str, agent: str, event: str, *parameters: object) -> str:
    return "|".join(map(str, (at, call, queue, agent, event, *parameters)))


def _of_agent(at: int, fact: Fact) -> Iterator[str]:
    agent, data = fact["agent"], fact["data"]
    reason = data.get("reason", "")
    match fact["type"]:
        case "agent.signed_in":
            for queue in data["queues"]:
                yield _line(at, "MANAGER", queue, agent, "ADDMEMBER", "")
        case "agent.signed_out":
            for queue in data["queues"]:
                yield _line(at, "MANAGER", queue, agent, "REMOVEMEMBER", "")
        case "agent.paused" | "agent.resumed" as kind:
            event = "PAUSE" if kind == "agent.paused" else "UNPAUSE"
            yield _line(at, "NONE", "NONE", agent, f"{event}ALL", reason)
            for queue in data["queues"]:
                yield _line(at, "NONE", queue, agent, event, reason)


@dataclass
class _Inbound:
    """What Asterisk remembers of a call while it is in a queue or with an agent who took it from one."""

    queue: str | None = None
    entered: int = 0
    position: int = 1
    agent: str | None = None
    connected: int = 0

    def lines(self, at: int, fact: Fact) -> Iterator[str]:
        """The lines that one more fact of the call gives: none or one."""
        data, call = fact.get("data", {}), fact["call_id"]
        queue, agent = fact.get("queue", "NONE"), fact.get("agent", "NONE")
        match fact["type"]:
            case "call.queued":
                self.queue, self.entered, self.position, self.agent = queue, at, data["position"], None
                yield _line(at, call, queue, "NONE", "ENTERQUEUE", "", fact.get("from", ""), self.position)
            case "call.ring_no_answer":
                event = "RINGCANCELED" if data.get("cancelled") else "RINGNOANSWER"
                yield _line(at, call, queue, agent, event, round(data["ring_seconds"] * 1000))
            case "call.answered" if self.queue:
                self.agent, self.connected = agent, at
                rang = round(data["ring_seconds"])
                channel = f"{at - rang}.{int(call.partition('.')[2]) + 1}"
                yield _line(at, call, queue, agent, "CONNECT", at - self.entered, channel, rang)
            case "call.abandoned":
                yield self._left(at, call, "ABANDON", data["position"], self.position)
            case "call.queue_left" if self.queue is None or self.agent:
                yield _line(at, call, queue, "NONE", _TURNED_AWAY[data["reason"]])
            case "call.queue_left":
                event = {"timeout": "EXITWITHTIMEOUT", "no_agents": "EXITEMPTY", "key": "EXITWITHKEY"}[data["reason"]]
                key = [data["key"]] if "key" in data else []
                yield self._left(at, call, event, *key, data["position"], self.position)
            case "call.transferred" if self.agent:
                if data["kind"] == "attended":
                    event, target = "ATTENDEDTRANSFER", ("BRIDGE", f"bridge-{call}")
                else:
                    event, target = "BLINDTRANSFER", (data.get("to_queue") or data["to_agent"], "default")
                yield self._released(at, call, event, *target)
            case "call.leg_ended" | "call.ended" if self.agent:
                event = "COMPLETECALLER" if data.get("by") == "caller" else "COMPLETEAGENT"
                yield self._released(at, call, event)

    def _left(self, at: int, call: str, event: str, *parameters: object) -> str:
        line = _line(at, call, self.queue or "NONE", "NONE", event, *parameters, at - self.entered)
        self.queue = None
        return line

    def _released(self, at: int, call: str, event: str, *parameters: object) -> str:
        waited, talked = self.connected - self.entered, at - self.connected
        line = _line(
            at, call, self.queue or "NONE", self.agent or "NONE", event, *parameters, waited, talked, self.position
        )
        self.queue = self.agent = None
        return line


@dataclass
class _Outbound:
    """A call made from the floor: the dialplan writes one line of it, when it is over."""

    agent: str = "NONE"
    answered: int | None = None
    over: bool = False

    def lines(self, at: int, fact: Fact) -> Iterator[str]:
        """The lines that one more fact of the call gives: none or one."""
        match fact["type"]:
            case "call.started":
                self.agent = fact["agent"]
            case "call.answered":
                self.answered = at
            case "call.ended" | "call.leg_ended" if not self.over:
                self.over = True
                status, talk = ("NO ANSWER", 0) if self.answered is None else ("ANSWER", at - self.answered)
                yield _line(at, fact["call_id"], "NONE", self.agent, "OUTCALL", status, talk, fact["to"])
