"""Commands and what they come to, asked as the gateway asks: through the dispatcher, on a real database."""

from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import orjson
import pytest

from services.kernel import schemas, service
from services.kernel.cursors import decode, encode
from services.kernel.declarations import Api
from services.kernel.privacy import Keyring
from services.kernel.projections import Projection, answers, bring_into_use, create
from services.kernel.service import Dispatcher
from services.kernel.tests import lockers
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.lockers import Holders, lockers_api
from services.kernel.things import Effects
from services.kernel.values import Actor

MANAGER = Actor("manager", scopes=frozenset({"lockers:label"}))
PHONE = "+33199000001"


class HolderNames(Projection):
    """Who has a locker."""

    name = "holders"
    version = 1
    handles = ("locker_assigned",)
    tables = "CREATE TABLE holders (holder text PRIMARY KEY)"

    def apply(self, events, db):
        db.executemany("INSERT INTO holders VALUES (%s)", [(event.data["holder"],) for event in events])


class HolderReader:
    """Answers with them."""

    @answers(Holders)
    def holders(self, asked, db, actor):
        after = decode(asked.cursor, datetime.now(UTC), str)[0] if asked.cursor else ""
        rows = db.execute("SELECT holder FROM holders WHERE holder > %s ORDER BY 1 LIMIT %s", (after, asked.limit + 1))
        found = [holder for (holder,) in rows]
        more = len(found) > asked.limit
        return lockers.HolderList(
            tuple(found[: asked.limit]), encode(datetime.now(UTC), found[asked.limit - 1]) if more else None
        )


class Asking:
    """A dispatcher, and the messages that it is sent."""

    def __init__(self, pool, master_key, api: Api | None = None, effects: Effects | None = None) -> None:
        read_models, readers = [HolderNames()], [HolderReader()]
        api = api or lockers_api()
        self.dispatcher = Dispatcher(
            api, read_models=read_models, readers=readers, pool=pool, keyring=Keyring(master_key), effects=effects
        )

    def order(self, use_case, key, body, command_id=None, expected_version=None):
        message = {"use_case": use_case, "key": str(key), "body": body, "expected_version": expected_version}
        sent = {**message, "command_id": str(command_id or uuid4()), "actor": schemas.dump(MANAGER)}
        return self.dispatcher.execute(orjson.loads(orjson.dumps(sent)))

    def assign(self, key, holder, phone=None, **more):
        return self.order("AssignLocker", key, {"holder": holder, "phone": phone}, **more)

    def label(self, key, label, **more):
        return self.order("RelabelLocker", key, {"label": label}, **more)

    def show(self, key, **more):
        message = {"use_case": "LockerOf", "key": str(key), "parameters": {}, "actor": schemas.dump(MANAGER), **more}
        answer = self.dispatcher.query(message)
        return answer if "refused" in answer else orjson.loads(answer["body"])

    def list(self, min_position=None, **parameters):
        message = {"use_case": "Holders", "parameters": parameters, "actor": schemas.dump(MANAGER)}
        answer = self.dispatcher.query({**message, "min_position": min_position})
        return answer if "refused" in answer else orjson.loads(answer["body"])


@pytest.fixture
def asking(pool, master_key):
    """The lockers service."""
    return Asking(pool, master_key)


def refusal(answer) -> tuple[str, int]:
    return answer["refused"]["code"], answer["refused"]["status"]


def pointers(answer) -> list[str]:
    return [error["pointer"] for error in answer["refused"]["errors"]]


# Refused


def test_a_body_that_is_not_valid_is_refused_with_pointers(asking):
    answer = asking.order("AssignLocker", uuid4(), {"holder": "", "colour": "red"})
    assert refusal(answer) == ("request.invalid", 422)
    assert sorted(pointers(answer)) == ["/colour", "/holder"]


def test_a_refusal_of_the_domain_keeps_its_code_its_status_and_its_pointer(asking):
    locker = uuid4()
    asking.assign(locker, "Ada")
    answer = asking.assign(locker, "Eve")
    assert refusal(answer) == ("lockers.locker.taken", 409)
    assert pointers(answer) == ["/holder"]
    assert asking.show(locker)["holder"] == "Ada"


def test_an_expected_version_that_is_stale_is_refused(asking):
    locker = uuid4()
    asking.assign(locker, "Ada")
    assert refusal(asking.label(locker, "left", expected_version=7)) == ("request.version_stale", 412)
    assert asking.label(locker, "left", expected_version=1)["version"] == 2


def test_a_guarded_command_on_what_exists_must_name_a_version(asking):
    locker = uuid4()
    assert asking.label(locker, "left")["created"]
    assert refusal(asking.label(locker, "right")) == ("request.if_match_missing", 428)


@pytest.mark.parametrize("key", ["not-an-id", "", "a\x00b"])
def test_what_can_be_no_id_is_refused(asking, key):
    assert refusal(asking.assign(key, "Ada")) == ("request.invalid", 422)
    assert refusal(asking.show(key)) == ("request.invalid", 422)


def test_what_was_never_made_is_not_found(asking):
    assert refusal(asking.show(uuid4())) == ("request.not_found", 404)


def test_an_instant_that_is_none_is_refused(asking):
    locker = uuid4()
    asking.assign(locker, "Ada")
    assert pointers(asking.show(locker, as_of="yesterday")) == ["/as_of"]


def test_what_others_change_all_the_time_is_refused_in_the_end(asking, pool, master_key):
    locker, labels = uuid4(), count(1)
    asking.label(locker, "0")

    def interrupted(state, order, ctx):
        version = next(labels)
        asking.label(locker, str(version), expected_version=version)
        return lockers.decide(state, order, ctx)

    answer = Asking(pool, master_key, lockers_api(interrupted)).assign(locker, "Ada")
    assert refusal(answer) == ("request.conflict", 409)
    assert asking.show(locker)["holder"] is None


# Carried out


def test_a_command_makes_a_thing_that_is_then_shown(asking):
    locker = uuid4()
    done = asking.assign(locker, "Ada", PHONE)
    assert (done["id"], done["version"], done["created"]) == (str(locker), 1, True)
    assert asking.show(locker) == {
        "id": str(locker),
        "holder": "Ada",
        "phone": PHONE,
        "label": "",
        "allowed_actions": ["RelabelLocker"],
    }


def test_the_same_command_again_answers_the_same_and_changes_nothing(asking):
    locker, command_id = uuid4(), uuid4()
    first = asking.assign(locker, "Ada", command_id=command_id)
    asking.label(locker, "left", expected_version=1)
    assert asking.assign(locker, "Ada", command_id=command_id) == first
    assert asking.assign(locker, "Eve", command_id=command_id, expected_version=0) == first
    assert len(history(asking, locker)) == 2


def test_after_a_conflict_a_command_is_decided_anew(asking, pool, master_key):
    locker = uuid4()
    others = iter(["Eve"])

    def interrupted(state, order, ctx):
        for holder in others:
            asking.assign(locker, holder)
        return lockers.decide(state, order, ctx)

    answer = Asking(pool, master_key, lockers_api(interrupted)).assign(locker, "Ada")
    assert refusal(answer) == ("lockers.locker.taken", 409)
    assert asking.show(locker)["holder"] == "Eve"


def test_an_event_whose_effect_fails_is_not_stored(pool, master_key, calls_connection):
    def fails(_db, assigned):
        raise TimeoutError(assigned.holder)

    locker = uuid4()
    with pytest.raises(TimeoutError, match="Ada"):
        Asking(pool, master_key, effects={lockers.LockerAssigned: fails}).assign(locker, "Ada")
    assert calls_connection.execute("SELECT count(*) FROM store.events").fetchone() == (0,)


def test_a_command_that_changes_nothing_stores_nothing(asking):
    locker = uuid4()
    first = asking.assign(locker, "Ada")
    again = asking.assign(locker, "Ada")
    assert (again["version"], again["position"], again["created"]) == (1, first["position"], False)
    assert len(history(asking, locker)) == 1


def test_a_command_that_changes_nothing_on_what_does_not_exist_makes_nothing(asking):
    done = asking.label(uuid4(), "")
    assert (done["version"], done["created"]) == (0, False)


# Personal fields


def test_a_personal_field_lies_sealed_and_is_shown_again(asking, calls_connection):
    locker = uuid4()
    asking.assign(locker, "Ada", PHONE)
    (row,) = calls_connection.execute("SELECT events::text FROM store.events").fetchone()
    assert "Ada" in row
    assert PHONE.strip("+") not in row
    assert asking.show(locker)["phone"] == PHONE


def test_without_its_key_a_personal_field_is_gone_and_the_rest_stays(asking, calls_connection):
    locker = uuid4()
    asking.assign(locker, "Ada", PHONE)
    calls_connection.execute("DELETE FROM keyring.keys")
    shown = asking.show(locker)
    assert (shown["holder"], shown["phone"]) == ("Ada", None)


def test_the_history_tells_who_did_what_when_and_hides_personal_fields(asking):
    locker = uuid4()
    asking.assign(locker, "Ada", PHONE)
    asking.label(locker, "left", expected_version=1)
    assigned, relabelled = history(asking, locker)
    assert (assigned["version"], assigned["type"], assigned["data"]) == (1, "locker_assigned", {"holder": "Ada"})
    assert (relabelled["version"], relabelled["data"]) == (2, {"label": "left"})
    assert {assigned["actor"], relabelled["actor"]} == {"manager"}
    assert assigned["recorded_at"] <= relabelled["recorded_at"]


def test_a_thing_is_shown_as_it_was_at_an_instant(asking, calls_connection):
    locker = uuid4()
    asking.assign(locker, "Ada")
    (between,) = calls_connection.execute("SELECT clock_timestamp()").fetchone()
    asking.label(locker, "left", expected_version=1)
    assert asking.show(locker, as_of=between.isoformat())["label"] == ""
    assert asking.show(locker)["label"] == "left"
    assert refusal(asking.show(locker, as_of="2001-01-01T00:00:00Z")) == ("request.not_found", 404)


# Lists


def test_a_list_is_read_page_by_page(asking, calls_connection):
    for holder in ("Ada", "Bo", "Cy"):
        asking.assign(uuid4(), holder)
    built(calls_connection)
    first = asking.list(limit="2")
    assert first["items"] == ["Ada", "Bo"]
    assert asking.list(limit="2", cursor=first["next"]) == {"items": ["Cy"], "next": None}


@pytest.mark.parametrize(
    ("cursor", "code"),
    [
        ("nonsense", ("request.invalid", 422)),
        (encode(datetime(2026, 1, 1, tzinfo=UTC), "Ada"), ("request.cursor_expired", 410)),
    ],
)
def test_a_cursor_that_leads_nowhere_is_refused(asking, calls_connection, cursor, code):
    built(calls_connection)
    assert refusal(asking.list(cursor=cursor)) == code


def test_a_parameter_that_is_not_valid_is_refused(asking):
    assert pointers(asking.list(limit="many")) == ["/limit"]


def test_who_names_a_position_reads_their_own_write_or_is_told_to_wait(asking, calls_connection, monkeypatch):
    monkeypatch.setattr(service, "POSITION_WAIT_SECONDS", 0.1)
    generation = built(calls_connection)
    position = asking.assign(uuid4(), "Ada")["position"]
    refused = asking.list(min_position=position)["refused"]
    assert (refused["code"], refused["status"], refused["retry_after"]) == ("request.position_not_reached", 503, 1)
    until_readable(calls_connection)
    generation.step(calls_connection)
    assert asking.list(min_position=position)["items"] == ["Ada"]


def test_a_question_that_nothing_answers_is_a_mistake_told_at_the_start(pool, master_key):
    with pytest.raises(TypeError, match="Holders"):
        Dispatcher(lockers_api(), read_models=[], readers=[], pool=pool, keyring=Keyring(master_key))


def built(connection):
    generation = create(connection, HolderNames())
    until_readable(connection)
    bring_into_use(connection, generation)
    return generation


def history(asking, key):
    return asking.show(key, history=True)["items"]
