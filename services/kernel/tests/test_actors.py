"""An actor arrives at a service as it was sent by the gateway."""

import pytest

from services.kernel.actors import as_received, as_sent
from services.kernel.values import Actor


@pytest.mark.parametrize(
    "actor",
    [
        Actor("key-1", scopes=frozenset({"reports:read", "calls:read"}), queues=frozenset({"sales"})),
        Actor("key-1", scopes=frozenset({"reports:read", "calls:read"}), queues=None),
        Actor("key-1", scopes=frozenset({"reports:read", "calls:read"}), queues=frozenset()),
        Actor("u-1", kind="person", roles=frozenset({"team_leader"}), agent="a-7", team="t-2", client="acme"),
    ],
)
def test_what_arrives_is_what_was_sent_each_time(actor):
    assert [as_received(as_sent(actor)) for _ in range(2)] == [actor, actor]
