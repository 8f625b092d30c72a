"""Documents as real systems send them at their worst: what can be read is kept, and nothing else is lost with it."""

import base64
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson
import pytest

from gateway.adapters.csv_calls import CsvCalls
from gateway.sources import Source
from gateway.tests.stories import BY_NAME, calls, visits
from services.calls.api import canonical

PARIS = Source("cloud", ZoneInfo("Europe/Paris"), "FR")
JOIN = {"Event": "QueueCallerJoin", "Timestamp": "1767607200.1", "Uniqueid": "1.1", "Queue": "q-sales"}
RECORD = {"core-uuid": "c-01", "variables": {"uuid": "u-01", "start_epoch": "1767607190", "end_epoch": "1767607300"}}


def read(feed, body, **given):
    return list(BY_NAME[feed].items(body, PARIS, given))


def facts(feed, body, **given):
    return [canonical(fact) for item in read(feed, body, **given) for fact in item.facts]


def joined(**keys):
    return orjson.dumps(JOIN | keys)


# Texts


def test_a_name_in_latin_1_does_not_spoil_one_in_utf_8_beside_it():
    body = joined(CallerIDName="Zoé") + b"\n" + joined(CallerIDName="Ren\u00e9").replace("é".encode(), b"\xe9")
    assert [fact["data"]["raw"]["CallerIDName"] for fact in facts("asterisk_ami", body)] == ["Zoé", "René"]


def test_a_name_that_was_cut_in_the_midst_of_an_emoji_costs_that_half_alone():
    body = orjson.dumps(JOIN)[:-1] + b', "CallerIDName": "Zo\\u00e9 \\ud83d"}'
    (fact,) = facts("asterisk_ami", body)
    assert (fact["queue"], fact["data"]["raw"]["CallerIDName"]) == ("q-sales", "Zoé ?")


@pytest.mark.parametrize("stamp", [{"start_stamp": "2026-01-05%2010%3A00%3A00"}, {}])
def test_freeswitch_encodes_bytes_whatever_their_letters(stamp):
    told = {"cc_queue": "R%E9clamations", "cc_queue_joined_epoch": "1767607190"} | stamp
    body = orjson.dumps({**RECORD, "variables": RECORD["variables"] | told})
    assert [fact["queue"] for fact in facts("freeswitch_cdr", body) if "queue" in fact] == ["Réclamations"]


def test_a_list_or_an_object_is_nobodys_name():
    assert read("asterisk_ami", joined(Uniqueid={"a": 1}))[0].fault.pointer == "/Uniqueid"
    (fact,) = facts("asterisk_ami", joined(Event="Strange", Queue={"a": 1}))
    assert (fact.get("queue"), fact["data"]["raw"]["Queue"]) == (None, {"a": 1})
    attributes = {"TaskAttributes": '{"call_sid": {"a": 1}}', "TaskSid": "WT01", "TaskQueueName": "q"}
    event = "&".join(
        f"{n}={quote(v)}" for n, v in {"EventType": "task-queue.entered", "Sid": "EV", **attributes}.items()
    )
    assert facts("twilio_taskrouter", f"{event}&TimestampMs=1767607190123".encode())[0]["call_id"] == "WT01"


# Bodies


@pytest.mark.parametrize(
    "cover",
    [
        base64.encodebytes,
        lambda json: b"cdr=" + base64.encodebytes(json),
        lambda json: b"cdr=" + quote(base64.b64encode(json), safe="").encode(),
        lambda json: b"uuid=u-01&cdr=" + quote(json).encode(),
        lambda json: b"cdr=" + quote(json).encode() + b"&uuid=u-01",
        lambda json: b"cdr=" + json,
        lambda json: json.replace(b'"c-01"', b'"c-01", "url": "https://cdr.example.test/\\ncdr=1"'),
    ],
)
def test_a_detail_record_is_read_however_it_is_covered(cover):
    json = orjson.dumps(RECORD, option=orjson.OPT_INDENT_2)
    assert facts("freeswitch_cdr", cover(json)) == facts("freeswitch_cdr", json) != []


EVENT = {
    "id": "ev-1", "detail-type": "Amazon Connect Contact Event", "source": "aws.connect",
    "detail": {"eventType": "QUEUED", "contactId": "c-01", "channel": "VOICE", "initiationMethod": "INBOUND",
               "queueInfo": {"queueArn": "q-sales", "enqueueTimestamp": "2026-01-05T10:00:11Z"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "batch",
    [
        lambda event: {"Records": [{"kinesis": {"data": base64.b64encode(event).decode()}}]},
        lambda event: {"records": [{"recordId": "1", "data": base64.b64encode(event).decode()}]},
        lambda event: {"Records": [{"messageId": "1", "body": event.decode()}]},
        lambda event: {"Records": [{"Sns": {"Message": event.decode()}}]},
    ],
    ids=["kinesis", "firehose", "sqs", "sns"],
)
def test_a_batch_may_be_posted_as_a_function_was_given_it(batch):
    event = orjson.dumps(EVENT)
    body = orjson.dumps(batch(event))
    assert facts("amazon_connect_events", body) == facts("amazon_connect_events", event) != []


def test_a_record_of_a_batch_that_cannot_be_read_costs_itself_alone():
    good = {"kinesis": {"data": base64.b64encode(orjson.dumps(EVENT)).decode()}}
    body = orjson.dumps({"Records": [{"kinesis": {"data": "?"}}, good, 7, {"other": 1}]})
    assert [item.fault is None for item in read("amazon_connect_events", body)] == [False, True, False, False]


def test_an_event_of_another_kind_is_kept_with_its_contact():
    other = EVENT | {"detail-type": "Contact Lens Post Call Rules Matched", "time": "2026-01-05T10:03:00Z"}
    (fact,) = facts("amazon_connect_events", orjson.dumps(other | {"detail": {"contactId": "c-01", "ruleName": "r"}}))
    assert (fact["type"], fact["call_id"], fact["data"]["original_type"]) == (
        "call.noted",
        "c-01",
        other["detail-type"],
    )


# Numbers and times


def row(**columns):
    usual = {"uniqueid": "1767607200.101", "src": "+33199001234", "dst": "1042", "disposition": "ANSWERED"}
    usual |= {"channel": "PJSIP/trunk-00000a1a", "dstchannel": "PJSIP/1042-00000a1b", "start": "2026-01-05 11:00:00"}
    usual |= {"answer": "2026-01-05 11:00:20", "end": "2026-01-05 11:02:20", "duration": "140", "billsec": "120"}
    return usual | columns


def test_a_negative_duration_is_kept_as_it_is_stated():
    ended = next(f for f in facts("asterisk_cdr", orjson.dumps(row(billsec="-4"))) if f["type"] == "call.leg_ended")
    assert ended["data"] == {"talk_seconds": -4, "talk_includes_hold": True}


@pytest.mark.parametrize(
    ("column", "value", "pointer"),
    [("duration", "9" * 30, "/duration"), ("start", "0001-01-01 00:00:00", "/start"), ("billsec", "x", "/billsec")],
)
def test_what_is_no_number_or_time_of_ours_is_told_by_its_column(column, value, pointer):
    (item,) = read("asterisk_cdr", orjson.dumps(row(end="", **{column: value})))
    assert item.fault.pointer == pointer


AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)  # in Paris, 02:00 to 03:00 comes twice: at 00:00 and at 01:00 UTC


@pytest.mark.parametrize(
    ("created", "began"), [(AUTUMN.replace(minute=30), "00:30"), (AUTUMN.replace(hour=1, minute=30), "01:30")]
)
def test_a_call_in_the_hour_that_comes_twice_is_in_the_one_that_its_id_says(created, began):
    told = row(
        uniqueid=f"pbx-1-{int(created.timestamp())}.7",
        start="2026-10-25 02:30:00",
        answer="",
        end="2026-10-25 02:40:00",
    )
    told = facts("asterisk_cdr", orjson.dumps(told))
    assert [fact["occurred_at"][11:16] for fact in told] == [began, began.replace("30", "40")]


def test_a_call_over_the_change_ends_after_it_began():
    told = row(uniqueid=f"{int(AUTUMN.replace(minute=50).timestamp())}.7", start="2026-10-25 02:50:00",
               answer="2026-10-25 02:55:00", end="2026-10-25 02:05:00")  # fmt: skip
    told = facts("asterisk_cdr", orjson.dumps(told))
    assert [fact["occurred_at"][11:16] for fact in told] == ["00:50", "00:55", "01:05", "01:05"]


def test_a_log_in_a_database_has_local_times_with_a_fraction_or_without():
    lines = b"2026-01-05 11:00:00|1.1|q|NONE|ENTERQUEUE||1|1\n2026-01-05 11:00:00.5|1.1|q|NONE|ABANDON|1|1|0"
    assert [fact["occurred_at"] for fact in facts("asterisk_queue_log", lines)] == [
        "2026-01-05T10:00:00+00:00",
        "2026-01-05T10:00:00.500000+00:00",
    ]


# Tables

HEAD = b"external_id,direction,started_at,queue,outcome,ended_at"
ROW = b"c-1,inbound,2026-01-05T10:00:00Z,q-sales,abandoned,2026-01-05T10:00:40Z"


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n \r\n" + HEAD + b"\r\n" + ROW,
        HEAD + b",,\n" + ROW + b",,",
        HEAD + b"\n" + ROW + b",,,",
        HEAD.replace(b"external_id", b"External_ID").replace(b"queue", b"Queue") + b"\n" + ROW,
        HEAD.replace(b",", b"\t") + b"\n" + ROW.replace(b",", b"\t"),
        HEAD.replace(b",", b'";"').join([b'"', b'"\n"']) + ROW.replace(b",", b'";"') + b'"',
    ],
)
def test_a_table_is_read_as_spreadsheets_write_it(body):
    csv = CsvCalls(lambda: datetime(2026, 1, 6, tzinfo=UTC))
    told, plain = (list(csv.items(each, PARIS, {})) for each in (body, HEAD + b"\n" + ROW))
    assert told == plain
    assert plain[0].fault is None


def test_a_cell_without_end_costs_its_own_row():
    long = row(userfield="x" * 140_000)
    body = "\n".join([",".join(long), ",".join(long.values()), ",".join(row(userfield="y").values())])
    assert [item.fault is None for item in read("asterisk_cdr", body.encode())] == [False, True]


def test_cdr_tables_may_have_tabs_and_lines_within_quotes():
    told = row(userfield='"first\nsecond"')
    body = "\t".join(told) + "\r\n" + "\t".join(told.values()) + "\r\n"
    (started, *_) = facts("asterisk_cdr", body.encode())
    assert started["data"]["raw"]["userfield"] == "first\nsecond"


def test_of_two_rows_of_a_call_in_one_file_the_second_counts():
    wrong = ROW.replace(b"abandoned", b"timeout")
    for first, second, expected in ((ROW, wrong, ("overflowed", "timeout")), (wrong, ROW, ("abandoned", None))):
        (call,) = calls(facts("csv", b"\n".join([HEAD, first, second]))).values()
        assert visits(call) == [("q-sales", *expected, 40)]


@pytest.mark.parametrize(
    ("columns", "pointer"),
    [
        ({"region": "Mars"}, "/region"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "/started_at"),
        ({"outcome": "abandoned", "answered_at": "2026-01-05T10:00:00Z", "agent": "a-1"}, "/answered_at"),
    ],
)
def test_a_row_that_cannot_be_so_is_told_by_its_column(columns, pointer):
    told = {"external_id": "c-1", "direction": "inbound", "started_at": "2026-01-05T10:00:00Z"} | columns
    (item,) = read("csv", f"{','.join(told)}\n{','.join(told.values())}".encode())
    assert item.fault.pointer == pointer


def test_a_row_of_a_national_number_may_name_its_region_in_small_letters():
    (started,) = facts(
        "csv", b"external_id,direction,started_at,from_number,region\nc,inbound,2026-01-05T10:00:00Z,0199001234,fr"
    )
    assert started["from"] == "+33199001234"
