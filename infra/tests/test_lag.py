import orjson
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from infra.addresses import SERVICES
from infra.lag import lag

NOWHERE = "amqp://127.0.0.1:1"
CLOSED = make_conninfo(host="127.0.0.1", port=1, connect_timeout=1)


@pytest.mark.servers
def test_what_cannot_be_reached_is_named_and_the_rest_is_shown(calls_url):
    databases = {f"PLATEAU_{name.upper()}_DATABASE_URL": CLOSED for name in SERVICES}
    databases["PLATEAU_CALLS_DATABASE_URL"] = calls_url
    shown = CliRunner().invoke(lag, ["--json"], env=databases | {"PLATEAU_AMQP_URL": NOWHERE})
    assert shown.exit_code == 1
    answer = orjson.loads(shown.stdout)
    assert (list(answer["services"]), answer["queues"]) == (["calls"], {})
    for fault in ("The database of staff cannot be used", "The database of budget", "broker cannot be reached"):
        assert fault in shown.stderr
    assert "database of calls" not in shown.stderr
