"""Sources with a secret, over HTTP: it alone admits them, and what they send is in the figures."""

from urllib.parse import urlencode
from uuid import uuid4

import httpx
import pytest

from gateway.adapters.proofs import signature
from tests.caller import EVENTS
from tests.contract import is_problem
from tests.facts import NINE, fact, new_call
from tests.test_queue_log import PLAIN_TEXT

TASKROUTER, VOICE = "/v1/telephony/twilio/taskrouter", "/v1/telephony/twilio/voice"
FREESWITCH = "/v1/telephony/freeswitch/events"
CONTACTS = "/v1/telephony/amazon-connect/contact-events"
RECORDS = "/v1/telephony/amazon-connect/contact-records"
LOG = "/v1/telephony/asterisk/queue-log"
BEGAN = 1767607200  # 2026-01-05T10:00:00Z
REFUSED = "plateau_source_proofs_refused_total"


@pytest.fixture
def guarded(administrator):
    """Makes a source with a secret; gives its name and the secret."""

    def make(kind, **settings):
        name, secret = f"{kind}/{uuid4()}", f"secret {uuid4()}"
        administrator.configure(f"/v1/telephony/sources/{name}", {"kind": kind, "secret": secret, **settings})
        return name, secret

    return make


@pytest.fixture
def stranger(stack):
    """Somebody without a key."""
    with httpx.Client(base_url=stack.url) as client:
        yield client


def post_signed(client, path, source, secret, **fields):
    url = client.base_url.join(path).copy_with(params={"source": source})
    flat = "".join(name + str(fields[name]) for name in sorted(fields))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signature(secret, str(url) + flat).decode(),
    }
    return client.post(url, content=urlencode(fields), headers=headers)


def refusals(administrator, route):
    lines = administrator.http.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(REFUSED) and route in line)


def test_without_its_proof_nobody_posts_as_a_guarded_source(administrator, guarded, stranger):
    twilio, token = guarded("twilio")
    before = refusals(administrator, VOICE)
    is_problem(post_signed(stranger, VOICE, twilio, f"{token}x", CallSid="CA1"), 401, "auth.proof_wrong")
    assert refusals(administrator, VOICE) == before + 1
    is_problem(stranger.post(VOICE, params={"source": twilio}, content="CallSid=CA1"), 401, "auth.missing")
    connect, _ = guarded("amazon-connect")
    answer = stranger.post(RECORDS, params={"source": connect}, json={}, auth=("aws", "wrong"))
    is_problem(answer, 401, "auth.proof_wrong")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_nor_with_a_key_that_does_not_name_it(administrator, guarded, key, queue):
    source, _ = guarded("freeswitch")
    is_problem(administrator.http.post(FREESWITCH, params={"source": source}, json={}), 403, "auth.source_guarded")
    line = f"{BEGAN}|1.1|{queue}|NONE|ENTERQUEUE||+33199001234|1"
    answer = administrator.http.post(LOG, params={"source": source}, content=line, headers=PLAIN_TEXT)
    is_problem(answer, 403, "auth.source_guarded")
    waiting = fact(new_call(), "queued", NINE, source, queue=queue)
    (verdict,) = is_problem(administrator.http.post(EVENTS, json=waiting), 400, "request.none_acceptable")["errors"]
    assert (verdict["pointer"], verdict["code"]) == ("/source", "auth.source_guarded")
    own = key("calls:ingest", sources=[source])
    assert own.http.post(EVENTS, json=waiting).status_code == 202
    assert own.http.post(LOG, params={"source": source}, content=line, headers=PLAIN_TEXT).status_code == 202


def test_a_secret_that_was_rotated_admits_at_once_and_the_old_one_soon_no_more(administrator, guarded, stranger):
    source, old = guarded("freeswitch")

    def post(password):
        event = {"CC-Action": "agent-add", "CC-Agent": "a-1", "Event-Date-Timestamp": BEGAN * 1_000_000}
        return stranger.post(FREESWITCH, params={"source": source}, json=event, auth=("fs", password))

    assert post(old).status_code == 202
    administrator.configure(f"/v1/telephony/sources/{source}", {"kind": "freeswitch", "secret": "battery staple"})
    assert post("battery staple").status_code == 202
    is_problem(post(old), 401, "auth.proof_wrong")


def test_twilio_posts_without_a_key_and_its_calls_are_in_the_figures(administrator, guarded, stranger, stack, queue):
    source, token = guarded("twilio")
    task = {"TaskSid": "WT1", "TaskAttributes": '{"call_sid": "CA1"}', "TaskQueueName": queue, "WorkerName": "a-1042"}
    for number, (kind, second) in enumerate(
        [("task-queue.entered", 0), ("reservation.accepted", 12), ("reservation.wrapup", 132),
         ("reservation.completed", 162)]
    ):  # fmt: skip
        fields = {"EventType": kind, "Sid": f"EV{number}", "TimestampMs": (BEGAN + second) * 1000, **task}
        for _ in range(2):
            answer = post_signed(stranger, TASKROUTER, source, token, **fields)
            assert (answer.status_code, answer.content) == (204, b"")
    ended = {"CallSid": "CA1", "CallStatus": "completed", "SequenceNumber": "3", "Direction": "inbound",
             "Duration": "3", "Timestamp": "Mon, 05 Jan 2026 10:02:12 +0000", "From": "+33199001234"}  # fmt: skip
    assert post_signed(stranger, VOICE, source, token, **ended).json() == {"accepted": 1, "rejected": []}
    administrator.settle()
    row = administrator.figures(queue)
    assert (row["offered"], row["answered"], row["asa_seconds"], row["aht_seconds"]) == (1, 1, 12, 150)
    (call,) = administrator.items("/v1/calls", source=source)
    assert (call["caller_number"], call["outcome"]) == ("+33199001234", "answered")
    for log in stack.servers.supervisor.logs.glob("*.log"):
        assert token not in log.read_text(errors="replace")


def test_a_contact_record_corrects_what_its_events_told(administrator, guarded, stranger, queue):
    source, secret = guarded("amazon-connect", disposition_attribute="outcome")
    arn = f"arn:aws:connect:eu-west-3:111122223333:instance/i-1/queue/{queue}"
    detail = {"contactId": "c-1", "channel": "VOICE", "initiationMethod": "INBOUND",
              "queueInfo": {"queueArn": arn, "enqueueTimestamp": "2026-01-05T10:00:11Z"}}  # fmt: skip
    gone = {**detail, "eventType": "DISCONNECTED", "disconnectTimestamp": "2026-01-05T10:03:00Z"}
    events = [{"id": "ev-1", "detail": {**detail, "eventType": "QUEUED"}}, {"id": "ev-2", "detail": gone}]
    bearer = {"Authorization": f"Bearer {secret}"}
    answer = stranger.post(CONTACTS, params={"source": source}, json=events, headers=bearer)
    assert answer.json() == {"accepted": 2, "rejected": []}
    administrator.settle()
    assert administrator.figures(queue)["abandoned"] == 1
    record = {
        "ContactId": "c-1", "LastUpdateTimestamp": "2026-01-05T10:04:00Z",
        "DisconnectTimestamp": "2026-01-05T10:03:00Z", "Attributes": {"outcome": "sold"},
        "Queue": {"ARN": arn, "EnqueueTimestamp": "2026-01-05T10:00:11Z", "Duration": 5},
        "Agent": {"Username": "a-1042", "ConnectedToAgentTimestamp": "2026-01-05T10:00:16Z",
                  "AgentInteractionDuration": 140, "CustomerHoldDuration": 12, "AfterContactWorkDuration": 30},
    }  # fmt: skip
    answer = stranger.post(RECORDS, params={"source": source}, json=record, auth=("aws", secret))
    assert answer.json() == {"accepted": 1, "rejected": []}
    administrator.settle()
    row = administrator.figures(queue)
    assert (row["offered"], row["abandoned"], row["asa_seconds"], row["aht_seconds"]) == (1, 0, 5, 182)
