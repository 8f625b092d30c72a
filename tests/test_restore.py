"""docs/restore.md, run as it is written: from one cluster into another whose transaction counter is far behind."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psycopg
import pytest

from conftest import address
from infra.addresses import DATABASES
from infra.databases import provision
from infra.local.ports import is_free
from infra.local.postgres import Postgres, _as_account, binary
from infra.migrations import upgrade
from services.calls.projections.agents import AgentMarks
from services.kernel import projections, store
from services.kernel.database import connect
from tests.documents import ROOT, blocks

pytestmark = pytest.mark.servers

DUMP, RESTORE, RAISE_EPOCH = blocks(ROOT / "docs/restore.md", "sh")
EPOCH, CHECK, RESTAMP = blocks(ROOT / "docs/restore.md", "sql")


class Cluster:
    """A PostgreSQL of its own, and the variables by which programs find it."""

    def __init__(self, home: Path, port: int) -> None:
        home.mkdir(mode=0o755)
        self.server = Postgres(home, port, "secret", durable=False)
        self.server.create()
        databases = {
            f"PLATEAU_{name.upper()}_{use}_URL": self.address(f"plateau_{name}{suffix}", f"plateau_{name}")
            for name in DATABASES
            for use, suffix in (("MIGRATION", "_owner"), ("DATABASE", ""))
        }
        self.environment = os.environ | databases | {
            "PATH": f"{binary('psql').parent}:{home.parent}:{os.environ['PATH']}",
            "PGDATA": str(self.server.folder),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "postgres",
            "PGPASSWORD": "secret",
            "PLATEAU_POSTGRES_ADMIN_URL": self.server.url,
        }  # fmt: skip

    def address(self, role: str, database: str) -> str:
        return address(self.server.url, database, role)

    def run(self, script: str, *, as_account: bool = False, **more: str) -> None:
        prefix = _as_account() if as_account else []
        folder = self.server.folder if as_account else self.server.home.parent
        command = [*prefix, "sh", "-euc", script]
        done = subprocess.run(  # noqa: S603
            command,
            env=self.environment | more,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@pytest.fixture
def clusters():
    with TemporaryDirectory(prefix="plateau-restore-", dir="/tmp") as name, ExitStack() as stopping:
        folder = Path(name)
        folder.chmod(0o755)  # the server's account must get through
        shim = folder / "plateau"
        shim.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m infra.command_line "$@"\n')
        shim.chmod(0o755)
        ports = (port for port in range(28100, 29000) if is_free(port))
        made = []
        for cluster, epoch in (("old", 2), ("new", 0)):
            made.append(Cluster(folder / cluster, next(ports)))
            if epoch:
                made[-1].run(f"pg_resetwal --epoch={epoch} --pgdata=$PGDATA", as_account=True)
            made[-1].run('pg_ctl start --wait --log="$PGDATA/log"', as_account=True)
            stopping.callback(made[-1].run, "pg_ctl stop --wait --mode=immediate", as_account=True)
        yield made


def sign_in(url: str, agents: int) -> None:
    """Appends a fact for each of so many agents, each in a transaction of its own."""
    with connect(url, "test") as connection, connection.cursor() as db:
        for _ in range(agents):
            agent = str(uuid4())
            fact = {"id": agent, "source": "pbx1", "type": "agent.signed_in", "agent": agent}
            with connection.transaction():
                store.append(db, [store.NewEvent(uuid4(), uuid4(), fact["type"], fact, datetime.now(UTC))], {})


def follow(url: str) -> int:
    """Brings the read model of agents up to date; returns how many it shows."""
    with connect(url, "test") as connection:
        with connection.cursor() as db:
            found = projections.active(db, AgentMarks())
        if found is None:
            projections.bring_into_use(connection, projections.create(connection, AgentMarks()))
        else:
            found[0].enter(connection)
            while found[0].step(connection):
                pass
        return connection.execute("SELECT count(*) FROM read.agent_marks").fetchone()[0]


def guard(url: str) -> None:
    with connect(url, "test") as connection, connection.cursor() as db:
        store.refuse_hidden_history(db)


@pytest.mark.parametrize("way", ["epoch", "restamp"])
def test_history_is_seen_again_and_new_events_follow_it(clusters, way):
    old, new = clusters
    database = old.address("plateau_calls", "plateau_calls")
    for name in DATABASES:
        owner = old.address(f"plateau_{name}_owner", f"plateau_{name}")
        provision(old.server.url, owner, old.address(f"plateau_{name}", f"plateau_{name}"))
        upgrade(name, owner)
    sign_in(database, 20)
    assert follow(database) == 20
    sign_in(database, 5)
    old.run(DUMP)
    new.run(RESTORE)

    database = new.address("plateau_calls", "plateau_calls")
    assert follow(database) == 20  # what the guard is for: five events that no reader would ever see
    with pytest.raises(RuntimeError, match=r"docs/restore\.md"):
        guard(database)
    if way == "epoch":
        with psycopg.connect(database) as connection:
            (epoch,) = connection.execute(EPOCH).fetchone()
        new.run(RAISE_EPOCH, as_account=True, EPOCH=str(epoch))
    else:
        with psycopg.connect(new.address("plateau_calls_owner", "plateau_calls"), autocommit=True) as connection:
            for statement in RESTAMP.split(";\n"):
                connection.execute(statement)

    with psycopg.connect(database) as connection:
        assert connection.execute(CHECK).fetchone() == (True,)
    guard(database)
    assert follow(database) == 25
    sign_in(database, 3)
    assert follow(database) == 28
    with connect(database, "test") as connection:
        projections.rebuild(connection, AgentMarks(), lambda _: None)
    assert follow(database) == 28
