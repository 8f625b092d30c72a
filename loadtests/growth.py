"""A store that has grown over years: days of facts copied set-based into it, then projected as any others."""

import random
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import httpx
import psycopg

from infra.local.stack import Stack
from loadtests.driving import wait
from loadtests.simulator.centre import Centre
from loadtests.simulator.plan import Plan
from loadtests.simulator.posting import post

DAY = date(2026, 11, 20)
SOURCE = "growth"
QUEUE = "sales-fr"
REPORTS = 200
DAILY = {"queue": QUEUE, "interval": "P1D", "timezone": Plan.timezone}
DAYS_AT_ONCE = 10
PROJECTED_WITHIN = 3600  # seconds, for ten days of facts

# In parts of as many facts as an ingest stores at once: what follows the store is made for such transactions.
TEMPLATE = f"""CREATE UNLOGGED TABLE IF NOT EXISTS public.bench_day AS
    SELECT *, row_number() OVER (ORDER BY position) / 1000 AS part
    FROM store.events WHERE data ->> 'source' = '{SOURCE}'"""  # noqa: S608 - a constant
# As if the same centre had worked each day before: calls and ids of their own, the same customers. What is sealed is
# bound to the event that it was sealed for and stays closed in the copies; no report opens it.
COPY_PART = """
    INSERT INTO store.events (stream_id, version, event_id, type, schema_version, data, metadata, occurred_at)
    SELECT md5(stream_id::text || %(back)s)::uuid, version, md5(event_id::text || %(back)s)::uuid, type, schema_version,
        data || jsonb_strip_nulls(jsonb_build_object(
            'call_id', data ->> 'call_id' || '-' || %(back)s,
            'occurred_at', to_char(day.then, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'))),
        metadata, day.then
    FROM public.bench_day, LATERAL (SELECT occurred_at - make_interval(days => %(back)s::int) AS then) AS day
    WHERE part = %(part)s ORDER BY position"""
PARTS = "SELECT DISTINCT part FROM public.bench_day ORDER BY part"


class Growth:
    """The history of a stack, a day of facts (some 40 000) at a time, back from 20 November 2026."""

    def __init__(self, stack: Stack, token: str) -> None:
        self._stack, self._token = stack, token
        name = stack.settings()["PLATEAU_CALLS_DATABASE_URL"].rpartition("/")[2]
        self._database = psycopg.connect(stack.servers.postgres.url, dbname=name, autocommit=True)
        self._days = 0

    def begin(self) -> None:
        """Post the first day through the API: the others are made of it."""
        post([fact | {"source": SOURCE} for fact in Centre(1).day(DAY).facts], self._stack.url, self._token)
        self._projected()
        self._database.execute(TEMPLATE)

    def reach(self, facts: int, progress: Callable[[int], None]) -> None:
        """Go back day by day until so many facts are stored, all of them projected; `progress` hears of each day's."""
        (stored,) = self._database.execute("SELECT count(*) FROM store.events").fetchone()
        progress(stored)
        while stored < facts:
            self._days += 1
            for (part,) in self._database.execute(PARTS).fetchall():
                copied = self._database.execute(COPY_PART, {"back": str(self._days), "part": part}).rowcount
                stored += copied
                progress(copied)
            if self._days % DAYS_AT_ONCE == 0:
                self._projected()
        self._projected()
        # What autovacuum does sooner or later; measuring beside it would measure it.
        self._database.execute("VACUUM (ANALYZE)")

    def report_milliseconds(self) -> float:
        """The median of service level reports for one queue and one day, each of a day drawn by lot."""
        rng = random.Random(1)  # noqa: S311
        zone = ZoneInfo(Plan.timezone)
        headers = {"Authorization": f"Bearer {self._token}"}
        spent = []
        with httpx.Client(base_url=self._stack.url, headers=headers, timeout=60) as client:
            for _ in range(REPORTS):
                begin = datetime.combine(DAY - timedelta(days=rng.randint(0, self._days)), datetime.min.time(), zone)
                window = {"from": begin.isoformat(), "to": (begin + timedelta(days=1)).isoformat()}
                begun = time.perf_counter()
                answer = client.get("/v1/reports/service-level", params={**DAILY, **window})
                spent.append(time.perf_counter() - begun)
                if not answer.json()["items"][0]["offered"]:
                    raise RuntimeError(f"The report of {begin:%d %B %Y} is empty: the copied facts were not projected.")
        return median(spent) * 1000

    def _projected(self) -> None:
        wait(self._stack.is_level, "The copied facts are not projected", PROJECTED_WITHIN)
