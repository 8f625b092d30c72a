"""Killed after any step at all, an actor's next life comes to the same end as one that nobody disturbed.

The steps are numbered as they are taken (see `steps`): each statement when it was asked and when it was answered, each
method for the broker when it was written and when it was sent, each frame that was heard.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue

import psycopg
import pytest
from psycopg import sql

from conftest import address, fresh_database
from tests.crash_points.lives import Place, end_of_forks
from tests.crash_points.scenes import SCENES
from tests.crash_points.stage import Run, Stage, stage_for

AT_ONCE = 4  # most of a run is waiting
COPY = "CREATE DATABASE {0} TEMPLATE {1} OWNER plateau_calls_owner; GRANT CREATE ON DATABASE {0} TO plateau_calls"


@pytest.fixture(scope="module")
def places(postgres_url: str, amqp_url: str) -> Iterator[list[Place]]:
    """Databases and names for several runs at once."""
    with ExitStack() as left, psycopg.connect(postgres_url, autocommit=True) as server:
        for first in fresh_database(postgres_url, "calls"):
            template = first.rpartition("/")[2]
            names = [f"{template}_{number}" for number in range(AT_ONCE)]
            for name in names:
                copied = [sql.SQL(part).format(*map(sql.Identifier, (name, template))) for part in COPY.split("; ")]
                left.callback(server.execute, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
                for statement in copied:
                    server.execute(statement)
            yield [Place(address(postgres_url, name, "plateau_calls"), amqp_url, name) for name in names]
            left.close()
    end_of_forks()


@pytest.fixture
def stages(request: pytest.FixtureRequest, places: list[Place], postgres_url: str) -> Iterator[list[Stage]]:
    """Where the scene is played."""
    with ExitStack() as opened:
        addresses = [(place, address(postgres_url, place.name)) for place in places]
        yield [opened.enter_context(stage_for(request.param, place, owners)) for place, owners in addresses]


@pytest.mark.parametrize("stages", SCENES, ids=[type(scene).__name__ for scene in SCENES], indirect=True)
def test_killed_after_any_step_the_next_life_comes_to_the_same_end(stages: list[Stage]) -> None:
    unharmed = stages[0].play()
    print(*unharmed.steps, sep="\n")
    for kind in stages[0].scene.kinds:
        assert any(re.match(kind, step) for step in unharmed.steps), kind

    runs = dict(zip(unharmed.steps, _each_killed(stages, unharmed.steps), strict=True))
    assert {step for step, run in runs.items() if not run.killed and not _may_not_come(step)} == set()
    assert {step: run.end for step, run in runs.items() if run.end != unharmed.end} == {}, unharmed.end


def _may_not_come(step: str) -> bool:
    """Whether it depends on the moment: a wait repeated, or how much is sent at once."""
    return step.startswith("sent") or not step.endswith("#1")


def _each_killed(stages: list[Stage], steps: list[str]) -> list[Run]:
    free: SimpleQueue[Stage] = SimpleQueue()
    for stage in stages:
        free.put(stage)

    @contextmanager
    def one() -> Iterator[Stage]:
        stage = free.get()
        yield stage
        free.put(stage)

    def play(until: str) -> Run:
        with one() as stage:
            return stage.play(until)

    with ThreadPoolExecutor(len(stages)) as threads:
        return list(threads.map(play, steps))
