"""Old shapes of events become the newest at read."""

from services.kernel.upcasting import latest


def named(data):
    first, _, last = data["name"].partition(" ")
    return {"first": first, "last": last}


def with_title(data):
    return {**data, "title": None}


STEPS = {("hired", 1): named, ("hired", 2): with_title, ("left", 1): with_title}


def test_an_event_without_a_step_is_as_it_was_stored():
    assert latest(STEPS, "promoted", 1, {"a": 1}) == {"a": 1}


def test_steps_are_chained_from_the_version_that_was_stored():
    newest = {"first": "Ada", "last": "Roy", "title": None}
    assert latest(STEPS, "hired", 1, {"name": "Ada Roy"}) == newest
    assert latest(STEPS, "hired", 2, {"first": "Ada", "last": "Roy"}) == newest
    assert latest(STEPS, "hired", 3, newest) == newest


def test_what_was_stored_is_not_changed_in_place():
    stored = {"name": "Ada Roy"}
    latest(STEPS, "hired", 1, stored)
    assert stored == {"name": "Ada Roy"}
