"""A queue_log with every event and arity that Asterisk writes, over HTTP: its figures, once, however often it comes."""

from uuid import uuid4

import pytest

from tests.caller import Caller
from tests.documents import ROOT

PATH = "/v1/telephony/asterisk/queue-log"
EVERY_EVENT = (ROOT / "gateway/tests/fixtures/asterisk_queue_log/every_event.txt").read_bytes()
LINES = 49
PLAIN_TEXT = {"Content-Type": "text/plain"}

# Read off the file by hand, in the order of its lines.
FIGURES = {
    "offered": 18,
    "answered": 2,  # .101 after 20 s, .104 after 20 s
    "answered_within": 2,
    "abandoned": 2,  # .102 after 150 s, .105 before it could wait (the clock was set back)
    "abandoned_within": 1,
    "short_abandoned": 1,
    "overflowed": 12,
    "left_by_reason": {
        "closed": 1,  # .122
        "full": 1,  # .119
        "key": 2,  # .109 .110
        "no_agents": 3,  # .108, and .120 .121 that never entered
        "overflow": 1,  # .123
        "restart": 1,  # .103 waited when the telephone system restarted
        "timeout": 2,  # .106 .107
        "withdrawn": 1,  # .111
    },
    "in_progress": 2,  # .125 .126 came after the restart
    "service_level_numerator": 3,
    "service_level_denominator": 4,
    "service_level": 0.75,
    "asa_seconds": 20,
    "handled": 2,
    "talk_seconds": 241,
    "hold_seconds": 0,
    "max_wait_seconds": 190,  # .103
}


@pytest.fixture
def source(administrator: Caller) -> str:
    """A telephone system in Paris that nobody else knows."""
    name = f"pbx-{uuid4()}"
    administrator.configure(
        f"/v1/telephony/sources/{name}", {"kind": "asterisk", "timezone": "Europe/Paris", "default_region": "FR"}
    )
    return name


def post(caller: Caller, body: bytes, **parameters):
    return caller.http.post(PATH, params=parameters, content=body, headers=PLAIN_TEXT)


def log_of(queue: str) -> bytes:
    return EVERY_EVENT.replace(b"q-sales", queue.encode())


def shown(caller: Caller, queue: str):
    row = caller.figures(queue)
    return {name: row[name] for name in FIGURES}


def test_every_event_and_arity_posted_twice_gives_the_figures_once(administrator, source, queue):
    for _ in range(2):
        answer = post(administrator, log_of(queue), source=source)
        assert (answer.status_code, answer.json()) == (202, {"accepted": LINES, "rejected": []})
        administrator.settle()
        assert shown(administrator, queue) == FIGURES


def test_a_shipper_that_repeats_itself_counts_once(administrator, source, queue):
    log = log_of(queue)
    half = log.index(b"\n", len(log) // 2) + 1
    for begin, end in ((0, half), (0, len(log)), (half, len(log))):
        answer = post(administrator, log[begin:end], source=source, generation="2026-01-05", offset=begin)
        assert answer.json()["rejected"] == []
    administrator.settle()
    assert shown(administrator, queue) == FIGURES


def test_the_same_line_at_another_place_of_the_file_is_another_line(administrator, source, queue):
    line = f"1767607200|1767607190.1|{queue}|a-1042|RINGNOANSWER|1000\n".encode()
    post(administrator, line * 2, source=source, generation="1", offset=0)
    administrator.settle()
    (call,) = administrator.items("/v1/calls", source=source)
    facts = administrator.items(f"/v1/calls/{call['id']}/facts")
    assert [fact["id"] for fact in facts] == ["1-0", f"1-{len(line)}"]


def test_a_line_cut_off_is_rejected_by_its_place_and_the_others_are_kept(administrator, source, queue):
    lines = log_of(queue).splitlines()
    whole, cut = lines[:9], [b"1767607200|1767607190.1", b"1767607360|1767607190.9|q|NONE|ABANDON|1"]
    body = b"\n".join([whole[0], cut[0], *whole[1:], cut[1]])
    answer = post(administrator, body, source=source)
    assert answer.status_code == 202
    verdicts = answer.json()
    assert verdicts["accepted"] == 9
    assert [(each["index"], each["pointer"], each["code"]) for each in verdicts["rejected"]] == [
        (1, "/1", "telephony.malformed_line"),
        (10, "/10", "telephony.malformed_line"),
    ]
    administrator.settle()
    row = administrator.figures(queue)
    assert (row["offered"], row["answered"], row["in_progress"]) == (4, 2, 2)


def test_numbers_and_local_times_are_read_as_the_source_writes_them(administrator, source, queue):
    body = f"2026-01-05 11:03:16.500000|1.5|{queue}|NONE|ENTERQUEUE||0199001235|1".encode()
    post(administrator, body, source=source)
    administrator.settle()
    (call,) = administrator.items("/v1/calls", source=source)
    assert call["caller_number"] == "+33199001235"
    assert call["visits"][0]["entered_at"] == "2026-01-05T10:03:16.500000Z"
