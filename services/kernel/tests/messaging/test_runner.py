"""What a process must be before services run in it."""

from services.kernel.tests.messaging.harness import python

TICKS_DURING_A_STATEMENT = """
from services.kernel.messaging.runner import make_cooperative
make_cooperative()
import eventlet, os, psycopg

ticks = 0
def tick():
    global ticks
    while True:
        eventlet.sleep(0.01)
        ticks += 1
eventlet.spawn(tick)
with psycopg.connect(os.environ["PLATEAU_TEST_POSTGRES_URL"]) as connection:
    connection.execute("SELECT pg_sleep(0.5)")
print(ticks)
"""


def test_other_greenlets_run_while_a_statement_does(postgres_url):
    done = python(TICKS_DURING_A_STATEMENT)
    assert int(done.stdout) > 10, done.stderr


def test_a_process_that_imported_psycopg_too_early_is_refused():
    done = python("import psycopg; from services.kernel.messaging.runner import make_cooperative; make_cooperative()")
    assert done.returncode == 1
    assert "psycopg was imported before make_cooperative()" in done.stderr


def test_a_service_that_cannot_start_ends_the_process(serve):
    with serve("Missing") as served:
        assert served.process.wait(timeout=20) == 1
        assert b"has no attribute 'Missing'" in (served.folder / "log").read_bytes()
