"""Calls as an Asterisk tells of them: queue_log, manager events, detail records (FORMATS sections 2 and 3)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from loadtests.feeds.queue_calls import QueueCall, facts
from loadtests.prepared_requests import MARK
from loadtests.simulator.queue_log import queue_log

UTC = ZoneInfo("UTC")  # the zone of a source that nobody configured

Told = Iterator[tuple[float, str]]


def log_lines() -> Iterator[str]:
    """queue_log, as `plateau simulate` writes it."""
    plain = [fact | {"call_id": fact["call_id"].removesuffix(f"-{MARK}")} for fact in facts()]
    for line in queue_log(plain):
        at, call, rest = line.split("|", 2)
        yield f"{at}|{call}-{MARK}|{rest}"


def manager_events(call: QueueCall) -> Told:
    """What AMI sends of a call in a queue, with all keys that it has."""
    caller = _channel(call, "", f"PJSIP/trunk-{int(call.queued):08x}", call.caller, "Jean Dupré")
    agent = _channel(call, "Dest", f"PJSIP/{call.extension}-{int(call.queued):08x}", call.extension, "<unknown>")
    member = {"Queue": call.queue, "MemberName": call.agent, "Interface": f"PJSIP/{call.extension}"}

    def event(name: str, at: float, **said: Any) -> tuple[float, str]:
        written = {"Event": name, "Privilege": "agent,all", "Timestamp": f"{at:.6f}", **caller, **said}
        return at, orjson.dumps(written).decode()

    yield event("QueueCallerJoin", call.queued, Queue=call.queue, Position="1", Count="1")
    if call.answered is None:
        places = {"Position": "1", "OriginalPosition": "1"}
        yield event("QueueCallerAbandon", call.ended, Queue=call.queue, **places, HoldTime=str(call.wait))
        return
    rang = call.rang or call.answered
    yield event("AgentCalled", rang, **agent, **member)
    held = {"HoldTime": str(call.wait)}
    yield event("AgentConnect", call.answered, **agent, **member, **held, RingTime=str(int(call.answered - rang)))
    yield event("AgentComplete", call.ended, **agent, **member, **held, TalkTime=str(call.talk), Reason="caller")


def detail_record(call: QueueCall) -> Told:
    """The row of a call that was dialled through to an extension."""
    extension = call.extension or "1042"
    yield call.ended, orjson.dumps(
        {
            "accountcode": "", "src": call.caller, "dst": extension, "dcontext": "from-trunk",
            "clid": f'"Jean Dupré" <{call.caller}>', "channel": f"PJSIP/trunk-{int(call.began):08x}",
            "dstchannel": f"PJSIP/{extension}-{int(call.queued):08x}", "lastapp": "Dial",
            "lastdata": f"PJSIP/{extension},30", "start": _local(call.began), "answer": _local(call.answered),
            "end": _local(call.ended), "duration": str(int(call.ended - call.began)), "billsec": str(call.talk),
            "disposition": "ANSWERED" if call.answered else "NO ANSWER", "amaflags": "DOCUMENTATION",
            "uniqueid": call.id, "linkedid": call.id, "userfield": "", "peeraccount": "", "sequence": "1",
        }
    ).decode()  # fmt: skip


def _local(seconds: float | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _channel(call: QueueCall, side: str, channel: str, number: str, name: str) -> dict[str, str]:
    keys = {
        "Channel": channel, "ChannelState": "6", "ChannelStateDesc": "Up", "CallerIDNum": number,
        "CallerIDName": name, "ConnectedLineNum": "<unknown>", "ConnectedLineName": "<unknown>", "Language": "fr",
        "AccountCode": "", "Context": "from-internal" if side else "from-trunk", "Exten": "600", "Priority": "4",
        "Uniqueid": f"{call.id}.1" if side else call.id, "Linkedid": call.id,
    }  # fmt: skip
    return {f"{side}{key}": value for key, value in keys.items()}
