"""Plays scenes, one run after the other in a place that is furnished anew for each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pika
import psycopg
from psycopg import sql

from services.kernel.database import connect
from tests.crash_points.lives import Place, lived
from tests.crash_points.scenes import Scene

TABLES = """SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'public', 'furnished')"""
KEEP = "CREATE TABLE furnished.{} AS TABLE {}"
BRING_BACK = "INSERT INTO {1} OVERRIDING SYSTEM VALUE SELECT * FROM furnished.{0}"


class Run(NamedTuple):
    """One time that a scene was played: the steps of the first life, whether it was killed, and the end."""

    steps: list[str]
    killed: bool
    end: Any


@dataclass(frozen=True)
class Stage:
    """A place for one run at a time; `owner` may do anything with its database."""

    scene: Scene
    place: Place
    owner: psycopg.Connection[Any]
    channel: Any

    def play(self, until: str | None = None) -> Run:
        """Plays the scene once, with a life that is killed at step `until`, and then another that is not."""
        self.bring_back()
        self.scene.begin(self.place, self.channel)
        steps, killed = self._live(until)
        if killed:
            self._live(None)
        with connect(self.place.dsn, "crash points") as db:
            return Run(steps, killed, self.scene.end(self.place, self.channel, db))

    def furnish(self) -> None:
        """Makes the database what it is when a run begins."""
        with self.owner.transaction():
            self.owner.execute("DROP SCHEMA IF EXISTS furnished CASCADE; CREATE SCHEMA furnished")
            self._clear(keep=())
        self.scene.furnish(self.place)
        for table in self._tables():
            self.owner.execute(sql.SQL(KEEP).format(_kept(table), sql.Identifier(*table)))

    def bring_back(self) -> None:
        """Makes the database that again."""
        kept = [table for table in self._tables() if self._is_kept(table)]
        with self.owner.transaction():
            self._clear(keep=kept)
            for table in kept:
                self.owner.execute(sql.SQL(BRING_BACK).format(_kept(table), sql.Identifier(*table)))

    def _clear(self, keep: list[tuple[str, str]] | tuple[()]) -> None:
        made = {schema for schema, _ in self._tables()} - {"store", "keyring"} - {schema for schema, _ in keep}
        for schema in made:
            self.owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        for table in self._tables():
            self.owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))

    def _tables(self) -> list[tuple[str, str]]:
        return [(schema, table) for schema, table in self.owner.execute(TABLES)]

    def _is_kept(self, table: tuple[str, str]) -> bool:
        found = self.owner.execute("SELECT to_regclass(%s) IS NOT NULL", (f'furnished."{".".join(table)}"',))
        return found.fetchone() == (True,)

    def _live(self, until: str | None) -> tuple[list[str], bool]:
        last = self.scene.last(self.place, self.channel)
        return lived(self.scene.actor, replace(self.place, last_of_all=last), until)


def _kept(table: tuple[str, str]) -> sql.Identifier:
    return sql.Identifier(".".join(table))


@contextmanager
def stage_for(scene: Scene, place: Place, owners_address: str) -> Iterator[Stage]:
    """A furnished stage, whose queues are removed afterwards."""
    parameters = pika.URLParameters(place.amqp_url)
    parameters.heartbeat = 0  # its connection waits for its turn
    with psycopg.connect(owners_address, autocommit=True) as owner, pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        scene.open(place, channel)
        try:
            stage = Stage(scene, place, owner, channel)
            stage.furnish()
            yield stage
        finally:
            scene.close(place, channel)
