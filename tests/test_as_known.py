"""The past, asked for through the API."""

from datetime import UTC, datetime, timedelta

from tests.caller import BEGIN, END, SERVICE_LEVEL, eventually
from tests.facts import NINE, answered, fact


def test_a_figure_is_shown_as_it_was_before_a_call_was_excluded(administrator, queue):
    told = answered(queue, 12)
    administrator.send(*told)
    asked = {"queue": queue, "from": BEGIN, "to": END, "interval": "total"}
    before, instant = administrator.get(SERVICE_LEVEL, **asked)["items"], datetime.now(UTC)
    administrator.send(fact(told[0]["call_id"], "excluded", NINE, data={"reason": "a test"}))
    assert administrator.get(SERVICE_LEVEL, **asked)["items"] != before

    past = {**asked, "as_known_at": instant.isoformat()}
    known = eventually(lambda: (answer := administrator.http.get(SERVICE_LEVEL, params=past)).is_success and answer)
    assert known.json()["items"] == before
    ahead = administrator.http.get(
        SERVICE_LEVEL, params={**past, "as_known_at": (instant + timedelta(days=1)).isoformat()}
    )
    assert (ahead.status_code, ahead.json()["code"]) == (409, "request.not_yet_known")
