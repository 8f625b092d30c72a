"""Configuring a queue."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.calls.domain import queues
from services.calls.domain.queues import ConfigureQueue, PolicyAdopted, Queue, QueueConfigured, QueueSettings
from services.calls.domain.service_level import DEFAULT, ServiceLevelPolicy
from services.kernel.decider import specification

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
STRICT = ServiceLevelPolicy(name="strict", threshold_seconds=Decimal(10), comparison="lt")

queue = specification(queues.decide, queues.evolve, Queue()).at(NOW)
configured = QueueConfigured(timezone=PARIS, client="acme", queue="thing")
adopted = PolicyAdopted(
    name="strict", threshold_seconds=Decimal(10), comparison="lt", effective_from=NOW, queue="thing"
)


def test_a_reason_cannot_be_counted_and_excluded():
    both = ServiceLevelPolicy(count_as_abandoned=("timeout", "restart"))
    queue.when(ConfigureQueue(service_level=both)).rejected("calls.queue.reason_both_ways")


def test_the_first_settings_configure_the_queue():
    (
        queue.when(ConfigureQueue(timezone=PARIS, client="acme"))
        .then(configured)
        .leaves(settings=QueueSettings(PARIS, None, "acme"), policies=())
    )


def test_a_policy_holds_from_now_on():
    (
        queue.given(configured)
        .when(ConfigureQueue(timezone=PARIS, client="acme", service_level=STRICT))
        .then(adopted)
        .leaves(policies=(ServiceLevelPolicy("strict", Decimal(10), "lt", effective_from=NOW),))
    )


def test_a_policy_may_hold_from_an_instant_in_the_past():
    past = datetime(2026, 1, 1, tzinfo=UTC)
    order = ConfigureQueue(timezone=PARIS, client="acme", service_level=ServiceLevelPolicy(effective_from=past))
    queue.given(configured, adopted).when(order).then(PolicyAdopted(effective_from=past, queue="thing"))


def test_what_stands_already_does_not_happen_again():
    same = ConfigureQueue(timezone=PARIS, client="acme", service_level=STRICT)
    queue.given(configured, adopted).when(same).then()
    dated = ConfigureQueue(
        timezone=PARIS,
        client="acme",
        service_level=ServiceLevelPolicy("strict", Decimal(10), "lt", effective_from=NOW),
    )
    queue.given(configured, adopted).when(dated).then()


def test_settings_and_policy_change_apart():
    order = ConfigureQueue(timezone=PARIS, service_level=STRICT)
    queue.given(configured, adopted).when(order).then(QueueConfigured(timezone=PARIS, queue="thing"))


def test_a_queue_shows_the_default_until_a_policy_is_adopted():
    assert queues.view("sales", Queue()).service_level == DEFAULT
    shown = queues.view("sales", queues.evolve(queues.evolve(Queue(), configured), adopted))
    assert (shown.queue, shown.timezone, shown.client) == ("sales", PARIS, "acme")
    assert (shown.service_level.name, shown.service_level.effective_from) == ("strict", NOW)
