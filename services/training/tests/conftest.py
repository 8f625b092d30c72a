"""The training service on a fresh database, without the bus."""

from collections.abc import Iterator

import pytest

from conftest import fresh_database
from services.kernel.tests.running import RunningService, running
from services.training.parts import dispatcher, inbox
from services.training.projections import read_models


@pytest.fixture
def training_url(postgres_url: str) -> Iterator[str]:
    """Its address, as the service's own role."""
    yield from fresh_database(postgres_url, "training")


@pytest.fixture
def training(training_url: str) -> Iterator[RunningService]:
    """Orders can be given and events told, read models followed, questions asked."""
    with running(training_url, dispatcher, inbox, read_models) as service:
        yield service
