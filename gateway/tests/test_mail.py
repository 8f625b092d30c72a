"""E-mail on a real mail server and a real database; the calls service answers as the test says."""

import asyncio
import csv
import io
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from uuid import UUID, uuid4

import orjson
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.sender import Sender
from gateway.exports.files import File
from gateway.mail import messages
from gateway.mail.channel import CLEARED, DUE, RAISED, Mail, outcome_of
from gateway.mail.post import LONGEST_MESSAGE, Verdict
from gateway.mail.settings import MailSettings, mail_settings
from gateway.tests.certificates import tls_for
from services.kernel.values import Unavailable

pytestmark = pytest.mark.anyio

RULE, SCHEDULE = str(UUID(int=1)), str(UUID(int=2))
ALERT = {
    "alert": str(UUID(int=3)),
    "rule": RULE,
    "name": "Too many\r\nBcc: somebody@example.org wait",
    "measure": "waiting",
    "scope": {"kind": "queue", "name": "sales-fr"},
    "comparison": "above",
    "threshold": 5,
    "value": 9,
    "since": "2026-11-18T09:00:00Z",
    "raised_at": "2026-11-18T09:01:00Z",
}
PERIOD = {"from": "2026-11-17T23:00:00Z", "to": "2026-11-18T23:00:00Z"}


def event(kind, subject, **data):
    return {"id": str(uuid4()), "type": kind, "subject": subject, "time": "2026-11-18T09:01:00Z", "data": data}


def raised():
    return event(RAISED, ALERT["alert"], **ALERT)


def due(form="csv"):
    return event(DUE, SCHEDULE, schedule=SCHEDULE, report="service-level", format=form, due_at=PERIOD["to"], **PERIOD)


class MailServer:
    """Takes mail; `says` is what it answers to a recipient instead."""

    def __init__(self):
        self.got, self.says, self.asked, self.ends_after = [], {}, [], None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        self.asked.append(address)
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        if self.ends_after == len(self.got):
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 OK"

    def to(self):
        return [recipient for recipients, _ in self.got for recipient in recipients]


class Calls:
    """The calls service: whom rules and schedules name, and a report."""

    def __init__(self):
        self.emails, self.away, self.seeing, self.paused = ["a@example.org", "b@example.org"], False, [], False
        self.form, self.offered = "csv", 3

    async def call(self, service, method, asked, *, deadline):
        assert (service, method, deadline > 5) == ("calls", "query", True)
        if self.away:
            raise Unavailable("not running")
        match asked["use_case"]:
            case "AlertRecipientsOf":
                assert asked["parameters"] == {"rule": RULE}
                answer = {"emails": self.emails}
            case "ScheduledReportOf":
                assert asked["parameters"] == {"schedule": SCHEDULE, "due_at": "2026-11-18T23:00:00+00:00"}
                answer = {"name": "Yesterday", "use_case": "ServiceLevelOf", "format": self.form}
                answer |= {"parameters": {"interval": "P1D", **PERIOD}, "client": "acme", "queues": ["sales-fr"]}
                answer |= {"emails": [] if self.paused else self.emails}
            case "ServiceLevelOf":
                self.seeing.append((asked["actor"]["client"], asked["actor"]["queues"], asked["parameters"]))
                rows = [{"queue": "sales-fr", "interval_start": PERIOD["from"], "offered": self.offered}]
                answer = {
                    "items": [row | {"left_by_reason": {}} for row in rows],
                    "policies": [],
                    "as_of": PERIOD["to"],
                }
        return {"body": orjson.dumps(answer).decode()}


@asynccontextmanager
async def serving(handler, **options):
    """A mail server on a free port of ours."""
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(handler, **options), "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.fixture
def server():
    return MailServer()


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
async def pool(gateway_url):
    async with AsyncConnectionPool(gateway_url, min_size=1, max_size=6, open=False, timeout=5) as pool:
        yield pool


@pytest.fixture
async def deliver(pool, calls, monkeypatch):
    """Writes events down and sends until each has been delivered or is dead; gives what became of each."""
    monkeypatch.setattr(Mail, "delays", (0.0, 0.3, 0.3))

    async def settled(port, *events, until=lambda rows: all(row[0] != "due" for row in rows), **mail):
        way = Mail(MailSettings("smtp", "127.0.0.1", port, "plateau@example.org", **mail), pool, calls)
        async with pool.connection() as db:
            await queue.write(db, way.name, await way.wanted(db, events))
        task = asyncio.create_task(Sender(pool, [way]).run())
        try:
            async with asyncio.timeout(20):
                while not until(found := await rows(pool)):
                    await asyncio.sleep(0.02)
        finally:
            task.cancel()
            await asyncio.wait([task])
        return found

    return settled


async def rows(pool):
    async with pool.connection() as db:
        found = await db.execute("SELECT status, attempts, reason FROM deliveries ORDER BY position")
        return await found.fetchall()


# What goes wrong


async def test_a_server_that_is_away_is_tried_again_and_every_recipient_hears_once(pool, deliver, server, calls):
    async with serving(MailServer()) as port:
        pass  # nobody listens there now
    calls.emails = ["a@example.org"]

    def tried(found):
        return found[0][1] >= 1 and found[0][2]

    ((status, _, reason),) = await deliver(port, raised(), until=tried)
    assert (status, reason) == ("due", "the mail server was not to be used: ConnectionRefusedError")
    async with pool.connection() as db:
        await db.execute("UPDATE delivery_targets SET held_until = NULL")
    async with serving(server) as port:
        ((status, *_),) = await deliver(port)
    assert (status, server.to()) == ("delivered", ["a@example.org"])


async def test_who_is_put_off_is_tried_again_alone_and_who_is_refused_does_not_hold_up_the_rest(deliver, server, calls):
    calls.emails = ["a@example.org", "late@example.org", "none@example.org"]
    server.says = {"none@example.org": "550 none@example.org is unknown", "late@example.org": "451 later"}

    class Later(MailServer):
        async def handle_DATA(self, *given):  # noqa: N802
            server.says.pop("late@example.org", None)
            return await super().handle_DATA(*given)

    later = Later()
    later.says = server.says
    async with serving(later) as port:
        later.says["late@example.org"] = "451 later"
        ((status, attempts, reason),) = await deliver(port, raised())
    assert later.to() == ["a@example.org", "late@example.org"]
    assert (status, later.asked.count("a@example.org")) == ("delivered", 1)
    assert attempts >= 1
    assert "@" not in (reason or "")


async def test_where_nobody_is_accepted_it_is_dead_and_the_record_names_nobody(deliver, server, calls):
    server.says = dict.fromkeys(calls.emails, "550 you there: unknown")
    async with serving(server) as port:
        assert await deliver(port, raised()) == [("dead", 1, "no recipient was accepted")]


async def test_what_was_accepted_before_a_connection_broke_is_not_sent_again(deliver, server, calls):
    calls.emails = [f"{name}@example.org" for name in "abc"]
    server.ends_after = 2
    async with serving(server) as port:
        ((status, attempts, _),) = await deliver(port, raised())
    assert (status, attempts) == ("delivered", 2)
    assert sorted(server.to()) == calls.emails


async def test_who_is_not_reached_in_time_is_sent_it_later_and_nobody_twice(deliver, server, calls, monkeypatch):
    calls.emails = [f"{name}@example.org" for name in "abc"]
    monkeypatch.setattr(Mail, "seconds", 0.0 + LONGEST_MESSAGE)  # time for the first alone
    async with serving(server) as port:
        ((status, attempts, _),) = await deliver(port, raised())
    assert (status, attempts) == ("delivered", 3)
    assert sorted(server.to()) == calls.emails


async def test_while_the_calls_service_is_away_nothing_is_lost(deliver, server, calls):
    calls.away = True
    async with serving(server) as port:
        await deliver(port, raised(), until=lambda found: found[0][1] >= 1 and found[0][2])
        calls.away = False
        assert [row[0] for row in await deliver(port)] == ["delivered"]


async def test_no_password_goes_in_the_clear(deliver, server):
    async with serving(server) as port:
        ((_, _, reason),) = await deliver(
            port, raised(), until=lambda found: found[0][2], user="plateau", password="not for everybody"
        )
    assert reason == "the mail server was not to be used: SMTPNotSupportedError"
    assert server.got == []


async def test_with_tls_it_signs_in(pool, calls, server, tmp_path):
    ours, trusted = tls_for("localhost", tmp_path)
    seen = []

    def authenticator(_server, _session, _envelope, _mechanism, given):
        seen.append((given.login, given.password))
        return AuthResult(success=True)

    async with serving(server, tls_context=ours, require_starttls=True, authenticator=authenticator) as port:
        mail = MailSettings("smtp", "localhost", port, "plateau@example.org", "plateau", "secret")
        way = Mail(mail, pool, calls, trusted)
        async with pool.connection() as db:
            await queue.write(db, way.name, await way.wanted(db, [raised()]))
            (delivery,) = await queue.take(db, [way], {}, 1, {way.name: 60.0})
        outcome = await way.send(delivery)
    assert (seen, server.to(), type(outcome).__name__) == ([(b"plateau", b"secret")], calls.emails, "Delivered")


# What arrives


async def test_each_recipient_gets_a_message_of_their_own_that_is_safe_and_known_again(deliver, server, calls):
    told = raised()
    over = event(CLEARED, ALERT["alert"], **{**ALERT, "cleared_at": "2026-11-18T09:11:00Z"})
    missed = event(RAISED, str(UUID(int=9)), **{**ALERT, "rule": None})
    async with serving(server) as port:
        assert [row[0] for row in await deliver(port, told, over, missed)] == ["delivered"] * 2
    (to_a, first), (to_b, _), (_, later), _ = server.got
    assert (to_a, to_b, str(first["To"])) == (["a@example.org"], ["b@example.org"], "a@example.org")
    assert first["Subject"] == "Alert: Too many Bcc: somebody@example.org wait"
    assert (first["Bcc"], first["Auto-Submitted"]) == (None, "auto-generated")
    assert "waiting of queue sales-fr: 9, over 5, since 2026-11-18T09:00:00Z." in first.get_content()
    assert later["Subject"].startswith("Over: ")
    assert first["Message-ID"] == f"<{messages.mark(told['id'], 'a@example.org')}@example.org>"
    ids = {str(each["Message-ID"]) for _, each in server.got}
    assert len(ids) == 4


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_report_is_the_export_of_its_question_asked_with_the_rights_of_its_schedule(
    deliver, server, calls, form
):
    calls.form = form
    async with serving(server) as port:
        assert [row[0] for row in await deliver(port, due(form))] == ["delivered"]
    assert calls.seeing == [("acme", ["sales-fr"], {"interval": "P1D", **PERIOD})]
    (file,) = server.got[0][1].iter_attachments()
    assert file.get_filename() == f"service-level.{form}"
    content = file.get_content()
    if form == "csv":
        (row,) = csv.DictReader(io.StringIO(content if isinstance(content, str) else content.decode()))
        assert (row["queue"], row["offered"]) == ("sales-fr", "3")
    else:
        assert content.startswith(b"PK")


async def test_who_is_sent_a_report_late_is_sent_the_file_that_the_others_were_sent(deliver, server, calls):
    server.says = {"b@example.org": "451 later"}

    class Corrected(MailServer):
        async def handle_DATA(self, *given):  # noqa: N802
            calls.offered = 4  # a late fact, between the two
            self.says = {}
            return await super().handle_DATA(*given)

    later = Corrected()
    later.says = server.says
    async with serving(later) as port:
        assert [row[0] for row in await deliver(port, due())] == ["delivered"]
    files = [next(message.iter_attachments()).get_content() for _, message in later.got]
    assert (later.to(), len(set(files))) == (calls.emails, 1)


async def test_a_schedule_that_is_paused_sends_nothing(deliver, server, calls):
    calls.paused = True
    async with serving(server) as port:
        assert [row[0] for row in await deliver(port, due())] == ["delivered"]
    assert server.got == []


# Pure parts


def test_a_file_that_is_too_large_is_not_sent_but_its_reader_told():
    letter = messages.report("Yesterday", due()["data"], File("x.csv", "text/csv", b"x" * 11), 10)
    assert letter.attachment is None
    assert f"GET /v1/report-schedules/{SCHEDULE}/files/2026-11-18T23:00:00Z" in letter.text


def test_as_long_as_somebody_may_be_reached_it_is_tried_again():
    kinds = {"y": Verdict(True), "n": Verdict(False, 550, final=True), "w": Verdict(False, 451)}
    expected = {"y": "Delivered", "yn": "Delivered", "n": "Refused", "w": "Retry", "yw": "Retry", "nw": "Retry"}
    for given, outcome in expected.items():
        made = outcome_of({letter: kinds[letter] for letter in given}, set())
        assert (type(made).__name__, made.result) == (outcome, {"accepted": ["y"] if "y" in given else []})
    assert type(outcome_of({"n": kinds["n"]}, {"before"})).__name__ == "Delivered"


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "smtp://mail:port", "smtp://mail/path"])
def test_an_address_of_a_server_that_makes_no_sense_is_refused(url):
    with pytest.raises(ValueError, match="PLATEAU_SMTP_URL"):
        mail_settings(url, "plateau@example.org")
    with pytest.raises(ValueError, match="PLATEAU_SMTP_SENDER"):
        mail_settings("smtp://mail", "Plateau <plateau@example.org>")


def test_settings_of_a_mail_server_are_read_and_its_password_is_not_shown():
    mail = mail_settings("smtps://plateau:se%40cret@mail.example.org", "plateau@example.org")
    assert (mail.port, mail.password, mail.domain) == (465, "se@cret", "example.org")
    assert "cret" not in repr(mail)
