"""Names, routing and declarations of the ingest queues."""

from itertools import islice

import pytest

from services.kernel.backoff import pauses
from services.kernel.ingest_queues import IngestQueues, dead

FOUR = IngestQueues.of("calls", {"PLATEAU_INGEST_QUEUES": "4", "PLATEAU_INGEST_QUEUE_BYTES": "1000"})


def test_one_queue_of_a_gibibyte_unless_set_otherwise():
    alone = IngestQueues.of("calls", {})
    assert (alone.names, alone.max_bytes) == (("calls.ingest.0",), 1 << 30)
    assert FOUR.names == ("calls.ingest.0", "calls.ingest.1", "calls.ingest.2", "calls.ingest.3")


def test_no_queue_at_all_is_refused():
    with pytest.raises(ValueError, match="set it to 1 or more"):
        IngestQueues.of("calls", {"PLATEAU_INGEST_QUEUES": "0"})


def test_routing_never_changes():
    # messages of one call that wait in two queues could be appended by two consumers at once
    numbers = [int(FOUR.routing("pbx", key)[-1]) for key in ("1", "2", "3", "4", "")]
    assert numbers == [2, 0, 2, 1, 1]


def test_source_and_key_do_not_run_into_each_other():
    assert {FOUR.routing("a", f"b{n}") for n in range(50)} == set(FOUR.names)
    assert [FOUR.routing("a", f"b{n}") for n in range(50)] != [FOUR.routing("ab", f"{n}") for n in range(50)]


def test_the_plan_declares_each_queue_bound_and_with_its_dead_queue():
    plan = FOUR.plan()
    declared = {step.arguments["queue"]: step.arguments["arguments"] for step in plan if step.method == "queue_declare"}
    assert set(declared) == {*FOUR.names, *map(dead, FOUR.names)}
    assert {arguments["x-queue-type"] for arguments in declared.values()} == {"quorum"}
    assert declared["calls.ingest.0"]["x-max-length-bytes"] == 1000
    assert "x-max-length-bytes" not in declared["calls.ingest.0.dead"]
    assert [step.arguments["routing_key"] for step in plan if step.method == "queue_bind"] == list(FOUR.names)


def test_pauses_grow_to_the_longest():
    waits = list(islice(pauses(first=0.1, longest=5.0), 20))
    assert 0.05 <= waits[0] <= 0.1
    assert all(2.5 <= wait <= 5.0 for wait in waits[6:])
