"""`plateau rebuild`: read models anew, and nothing on the screen but how far it is."""

import subprocess
import sys
from uuid import uuid4

from infra.local.supervisor import ROOT
from services.kernel import store
from services.kernel.database import Connection
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.test_projections import NOON

CONFIGURED = {"queue": "sales", "timezone": "UTC", "client": None, "calendar": None}


def test_a_rebuild_shows_its_progress_and_no_log(calls_url: str, calls_connection: Connection):
    new = store.NewEvent(uuid4(), uuid4(), "queue_configured", CONFIGURED, NOON)
    with calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, [new], {})
    until_readable(calls_connection)
    command = [sys.executable, "-m", "infra.command_line", "rebuild", "calls.queues", "--calls-database-url", calls_url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - a constant
    assert done.returncode == 0, done.stderr
    assert calls_connection.execute("SELECT queue FROM read.queues").fetchall() == [("sales",)]
    shown = done.stdout + done.stderr
    assert "calls.queues" in shown
    assert "batch_applied" not in shown
