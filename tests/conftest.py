"""One Plateau for all tests that look at it from outside: they keep apart by queues, calls and sources of their own."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from infra.local.stack import Stack
from tests import system
from tests.caller import Caller
from tests.token_provider import TokenProvider


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if call.when == "call" and report.failed and stack is not None:
        report.sections.append(("Logs of Plateau", system.logs(stack)))
    return report


@pytest.fixture(scope="session")
def token_provider() -> Iterator[TokenProvider]:
    """Who signs the bearer tokens of people."""
    with TokenProvider.serving() as provider:
        yield provider


@pytest.fixture(scope="session")
def stack(token_provider) -> Iterator[Stack]:
    """The running system."""
    with system.running(**token_provider.settings) as stack:
        yield stack


@pytest.fixture(scope="session")
def administrator(stack) -> Iterator[Caller]:
    """A caller with every scope, whom no rate limit binds."""
    with Caller(stack.url, stack.new_key()) as caller:
        yield caller


@pytest.fixture
def queue() -> str:
    """A queue of this test alone."""
    return f"queue-{uuid4()}"


@pytest.fixture
def key(administrator: Caller, stack: Stack) -> Iterator[Callable[..., Caller]]:
    """Makes keys, and callers who use them."""
    made: list[Caller] = []

    def make(*scopes: str, **limits: Any) -> Caller:
        order = {"name": "a tool", "scopes": list(scopes), **limits}
        answer = administrator.http.post("/v1/api-keys", json=order)
        assert answer.status_code == 201, answer.text
        made.append(Caller(stack.url, answer.json()["key"]))
        made[-1].key_id = answer.json()["id"]
        return made[-1]

    yield make
    for caller in made:
        caller.http.close()
