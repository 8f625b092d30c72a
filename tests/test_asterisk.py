"""An Asterisk with all of its feeds, shipped by the real shippers to the whole of Plateau."""

import os
import signal
import subprocess
from contextlib import contextmanager
from uuid import uuid4

import orjson
import pytest

from infra.local.stack import PLATEAU
from infra.local.supervisor import ROOT
from infra.tests.fake_asterisk import SECRET, fake_asterisk
from tests.caller import Caller, eventually

NOON = 1_767_607_200


@pytest.fixture
def source(administrator: Caller) -> str:
    name = f"pbx-{uuid4()}"
    administrator.configure(
        f"/v1/telephony/sources/{name}", {"kind": "asterisk", "timezone": "Europe/Paris", "default_region": "FR"}
    )
    return name


@contextmanager
def shipping(stack, source, *command: str):
    """`plateau ship` at work; it must end well when it is told to."""
    environment = os.environ | {
        "PLATEAU_URL": stack.url,
        "PLATEAU_TOKEN": stack.new_key(),
        "PLATEAU_AMI_SECRET": SECRET,
    }
    arguments = [*PLATEAU, "ship", *command, "--source", source]
    process = subprocess.Popen(arguments, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0, said
        assert "Traceback" not in said, said
    finally:
        process.kill()
        process.wait()


def post(caller: Caller, feed: str, source: str, body, media_type="application/json", **parameters):
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    path = f"/v1/telephony/asterisk/{feed}"
    headers = {"Content-Type": media_type}
    return caller.http.post(path, params={"source": source, **parameters}, content=content, headers=headers)


def lines_of(call: str, queue: str) -> str:
    told = (
        "0|NONE|ENTERQUEUE||0199001234|1",
        "20|a-1043|CONNECT|20|1767607190.903|6",
        "140|a-1043|COMPLETECALLER|20|120|1",
    )
    split = (each.split("|", 1) for each in told)
    return "".join(f"{NOON + int(second)}|{call}|{queue}|{rest}\n" for second, rest in split)


def events_of(call: str, queue: str) -> list[dict[str, str]]:
    caller = {"Uniqueid": call, "Linkedid": call, "Channel": "PJSIP/trunk-00000a1a", "CallerIDNum": "0199001234"}
    member = {"Queue": queue, "MemberName": "a-1043", "Interface": "PJSIP/1043", "DestUniqueid": "1767607190.903"}
    phone = {"Channel": "PJSIP/1043-00000a1b", "Uniqueid": "1767607190.903", "Linkedid": call}
    return [
        {"Event": "QueueCallerJoin", "Timestamp": f"{NOON}.250000", **caller, "Queue": queue, "Position": "1"},
        {
            "Event": "AgentConnect",
            "Timestamp": f"{NOON + 20}.250000",
            **caller,
            **member,
            "HoldTime": "20",
            "RingTime": "6",
        },
        {"Event": "Hold", "Timestamp": f"{NOON + 40}.250000", **phone, "MusicClass": "default"},
        {"Event": "Unhold", "Timestamp": f"{NOON + 70}.250000", **phone},
        {"Event": "AgentComplete", "Timestamp": f"{NOON + 140}.250000", **caller, **member}
        | {"HoldTime": "20", "TalkTime": "120", "Reason": "caller"},
    ]


COUNTED = ("offered", "answered", "abandoned", "in_progress", "handled", "asa_seconds", "talk_seconds", "hold_seconds")


def counted(caller: Caller, queue: str):
    caller.settle()
    row = caller.figures(queue)
    return [row[name] for name in COUNTED]


def test_ami_and_the_log_of_one_asterisk_shipped_together_count_each_call_once(
    stack, administrator, source, queue, tmp_path
):
    log = tmp_path / "queue_log"
    call = f"{NOON - 10}.101"
    with fake_asterisk() as asterisk:
        ami = ("ami", "--port", str(asterisk.port), "--username", "plateau", "--folder", str(tmp_path / "ami"))
        with shipping(stack, source, *ami), shipping(stack, source, "queue-log", "--file", str(log)):
            asterisk.wait_for_login(within=20)
            asterisk.say(*events_of(call, queue), segments=5)
            eventually(lambda: administrator.figures(queue)["handled"] == 1)
            assert counted(administrator, queue) == [1, 1, 0, 0, 1, 20.0, 90, 30]
            log.write_text(lines_of(call, queue))
            eventually(lambda: len(facts(administrator, source)) == 8)
    assert counted(administrator, queue) == [1, 1, 0, 0, 1, 20.0, 90, 30]
    (shown,) = administrator.items("/v1/calls", source=source)
    assert (len(shown["visits"]), len(shown["legs"]), shown["caller_number"]) == (1, 1, "+33199001234")


def facts(caller: Caller, source: str):
    calls = caller.items("/v1/calls", source=source)
    return [fact for call in calls for fact in caller.items(f"/v1/calls/{call['id']}/facts")]


def test_an_old_log_is_taken_in_once_and_ends(stack, administrator, source, queue, tmp_path):
    log = tmp_path / "queue_log"
    log.write_text("".join(lines_of(f"{NOON - number}.1", queue) for number in range(30)))
    for _ in range(2):
        with shipping(
            stack, source, "queue-log", "--once", "--file", str(log), "--folder", str(tmp_path / "kept")
        ) as at_work:
            at_work.wait(30)
        (tmp_path / "kept/state.json").unlink()  # as if all of it had been lost: the ids are the same
    assert counted(administrator, queue) == [30, 30, 0, 0, 30, 20.0, 3600, 0]


def test_an_outbound_call_is_a_leg_and_a_queues_call_is_told_by_its_queue(administrator, source, queue):
    header = b"uniqueid,linkedid,src,dst,channel,dstchannel,lastapp,start,answer,end,duration,billsec,disposition\n"
    outbound = b"1767610000.201,1767610000.201,1042,0199005678,PJSIP/1042-00000a1b,PJSIP/trunk-00000a1c,Dial,"
    outbound += b"2026-01-05 11:46:40,2026-01-05 11:46:50,2026-01-05 11:48:50,130,120,ANSWERED\n"
    answer = post(administrator, "cdr", source, header + outbound * 2, "text/csv")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "rejected": []})
    administrator.settle()
    (call,) = administrator.items("/v1/calls", source=source)
    assert (call["outcome"], call["direction"], call["called_number"]) == ("answered", "outbound", "+33199005678")
    assert [(leg["agent"], leg["talk_seconds"]) for leg in call["legs"]] == [("PJSIP/1042", 120)]

    queued = f"{NOON - 10}.101"
    assert post(administrator, "queue-log", source, lines_of(queued, queue).encode(), "text/plain").status_code == 202
    before = counted(administrator, queue)
    row = (
        outbound.replace(b"1767610000.201", queued.encode())
        .replace(b",1042,", b",+33199001234,")
        .replace(b",Dial,", b",,")
    )
    assert post(administrator, "cdr", source, header + row, "text/csv").status_code == 202
    assert counted(administrator, queue) == before
    shown = next(each for each in administrator.items("/v1/calls", source=source) if each["call_id"] == queued)
    assert len(shown["legs"]) == 1


def test_a_bad_event_is_named_and_the_good_ones_are_kept(administrator, source, queue):
    good = events_of(f"{NOON - 10}.101", queue)
    timeless = {key: value for key, value in good[0].items() if key != "Timestamp"}
    answer = post(administrator, "ami", source, [good[0], timeless, {**good[1], "HoldTime": "2x"}, 7])
    assert answer.status_code == 202
    told = answer.json()
    assert told["accepted"] == 1
    assert [(each["pointer"], each["code"]) for each in told["rejected"]] == [
        ("/1/Timestamp", "telephony.time_missing"),
        ("/2/HoldTime", "invalid_field"),
        ("/3", "telephony.malformed_event"),
    ]
    assert "timestampevents=yes" in told["rejected"][0]["detail"]
    headless = post(administrator, "cdr", source, b'"","1042","0199005678","from-internal"\n', "text/csv")
    assert (headless.status_code, "header" in headless.text) == (422, True)
    assert post(administrator, "ami", source, b"[{").json()["code"] == "request.none_acceptable"
    administrator.settle()
    assert administrator.figures(queue)["in_progress"] == 1
