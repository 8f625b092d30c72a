"""Calls as a FreeSWITCH tells of them: events of mod_callcenter, detail records of mod_json_cdr (FORMATS 4 and 5)."""

from collections.abc import Iterator
from urllib.parse import quote

import orjson

from loadtests.feeds.queue_calls import QueueCall

Told = Iterator[tuple[float, str]]

# What a record of a real channel has beside what is read; names as FreeSWITCH's variables are called.
BESIDE = (
    "session_id", "sip_from_user", "sip_from_port", "sip_from_uri", "sip_from_host", "channel_name", "sip_call_id",
    "ep_codec_string", "sip_local_network_addr", "sip_network_ip", "sip_network_port", "sip_received_ip",
    "sip_received_port", "sip_via_protocol", "sip_from_user_stripped", "sip_from_tag", "sofia_profile_name",
    "recovery_profile_name", "sip_req_user", "sip_req_port", "sip_req_uri", "sip_req_host", "sip_to_user",
    "sip_to_port", "sip_to_uri", "sip_to_host", "sip_contact_user", "sip_contact_port", "sip_contact_uri",
    "sip_contact_host", "sip_via_host", "sip_via_port", "max_forwards", "switch_r_sdp", "remote_media_ip",
    "remote_media_port", "read_codec", "read_rate", "write_codec", "write_rate", "local_media_ip", "local_media_port",
    "dtmf_type", "endpoint_disposition", "call_uuid", "current_application", "last_app", "last_arg", "sip_term_status",
    "sip_hangup_phrase", "rtp_use_codec_name", "rtp_use_codec_rate", "rtp_audio_in_media_bytes",
    "rtp_audio_in_packet_count", "rtp_audio_out_media_bytes", "rtp_audio_out_packet_count", "digits_dialed",
    "caller_id", "progresssec", "answersec", "waitsec", "progress_mediasec", "flow_billsec", "uduration", "billusec",
)  # fmt: skip


def callcenter_events(call: QueueCall) -> Told:
    """What mod_callcenter sends of a member, with the headers that every event has."""
    sequence = 0
    member = {"CC-Queue": call.queue, "CC-Member-UUID": f"m-{call.id}", "CC-Member-Session-UUID": call.id}
    agent = {"CC-Agent": call.agent, "CC-Agent-Type": "callback", "CC-Agent-System": "single_box"}
    joined = {"CC-Member-Joined-Time": str(int(call.queued))}

    def event(action: str, at: float, **said: str | None) -> tuple[float, str]:
        nonlocal sequence
        sequence += 1
        headers = {
            "Event-Subclass": "callcenter::info", "Event-Name": "CUSTOM", "Core-UUID": f"core-{call.id}",
            "FreeSWITCH-Hostname": "fs1", "FreeSWITCH-Switchname": "fs1", "FreeSWITCH-IPv4": "192.0.2.1",
            "FreeSWITCH-IPv6": "::1", "Event-Date-Local": "2026-11-20 09:00:00",
            "Event-Date-GMT": "Fri, 20 Nov 2026 08:00:00 GMT", "Event-Date-Timestamp": str(int(at * 1_000_000)),
            "Event-Calling-File": "mod_callcenter.c", "Event-Calling-Function": "callcenter_event",
            "Event-Calling-Line-Number": "1842", "Event-Sequence": str(sequence), "CC-Action": action,
            **member, **said,
        }  # fmt: skip
        return at, orjson.dumps(headers).decode()

    who = {"CC-Member-CID-Name": "Jean Dupré", "CC-Member-CID-Number": call.caller}
    yield event("member-queue-start", call.queued, **who)
    if call.answered is not None:
        called = {"CC-Agent-Called-Time": str(int(call.rang or call.answered))}
        answered = {**called, "CC-Agent-Answered-Time": str(int(call.answered)), **joined}
        yield event("agent-offering", call.rang or call.answered, **agent, **who, **joined)
        yield event("bridge-agent-start", call.answered, **agent, **who, **answered)
        ended = {**answered, "CC-Bridge-Terminated-Time": str(int(call.ended)), "CC-Hangup-Cause": "NORMAL_CLEARING"}
        yield event("bridge-agent-end", call.ended, **agent, **who, **ended)
    why = {"CC-Cause": "Terminated"} if call.answered else {"CC-Cause": "Cancel", "CC-Cancel-Reason": "BREAK_OUT"}
    yield event("member-queue-end", call.ended, **who, **joined, **why, **{
        "CC-Member-Leaving-Time": str(int(call.ended)), "CC-Count": "1"})  # fmt: skip


def detail_record(call: QueueCall) -> Told:
    """The record of the member's channel, values encoded as mod_json_cdr does unless told otherwise."""
    said = dict.fromkeys(BESIDE, "sip:+33199000200@192.0.2.1:5060")
    said |= {
        "uuid": call.id, "direction": "inbound", "start_epoch": str(int(call.began)),
        "start_stamp": "2026-11-20 09:00:00", "end_epoch": str(int(call.ended)), "end_stamp": "2026-11-20 09:03:00",
        "answer_epoch": str(int(call.began)), "cc_side": "member", "cc_queue": call.queue,
        "cc_queue_joined_epoch": str(int(call.queued)), "hangup_cause": "NORMAL_CLEARING",
        "hangup_cause_q850": "16", "sip_hangup_disposition": "recv_bye", "duration": str(int(call.ended - call.began)),
        "billsec": str(int(call.ended - call.began)), "mduration": str(int((call.ended - call.began) * 1000)),
    }  # fmt: skip
    if call.answered is not None:
        said |= {
            "cc_cause": "answered", "cc_agent": call.agent or "", "cc_queue_answered_epoch": str(int(call.answered)),
            "cc_queue_terminated_epoch": str(int(call.ended)),
        }  # fmt: skip
    else:
        left = {"cc_cancel_reason": "BREAK_OUT", "cc_queue_canceled_epoch": str(int(call.ended))}
        said |= {"cc_cause": "cancel", **left}
    profile = {
        "username": call.caller, "dialplan": "XML", "caller_id_name": "Jean Dupré", "ani": call.caller, "aniii": "",
        "caller_id_number": call.caller, "network_addr": "192.0.2.1", "rdnis": "", "destination_number": call.called,
        "uuid": call.id, "source": "mod_sofia", "context": "public", "chan_name": "sofia/external/trunk",
    }  # fmt: skip
    record = {
        "core-uuid": "core-1",
        "switchname": "fs1",
        "channel_data": {"state": "CS_REPORTING", "direction": "inbound", "state_number": "11", "flags": "0=1;1=1"},
        "variables": _encoded(said),
        "app_log": {"applications": [{"app_name": "callcenter", "app_data": call.queue}]},
        "callflow": [{"dialplan": "XML", "profile_index": "1", "caller_profile": _encoded(profile)}],
    }
    yield call.ended, orjson.dumps(record).decode()


def _encoded(said: dict[str, str]) -> dict[str, str]:
    return {name: quote(value, safe="@") for name, value in said.items()}
