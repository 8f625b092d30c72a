import base64
import stat

import click
import pytest

from infra.command_line import ROLES, part_of
from infra.local import stack as module
from infra.local.ports import Ports
from infra.local.stack import Stack


@pytest.fixture
def stack(tmp_path, monkeypatch):
    for name in module.OPTIONAL:  # which a Plateau that other tests run may have set
        monkeypatch.delenv(name, raising=False)
    return Stack(tmp_path, Ports(20000), 20080)


def environments(stack):
    return {program.name: program.environment for program in stack._programs()}


def test_secrets_are_made_once_and_kept_for_the_owner_only(stack):
    settings = stack.settings()
    assert stack.settings() == settings
    assert len(base64.b64decode(settings["PLATEAU_MASTER_KEY"], validate=True)) == 32
    assert stat.S_IMODE((stack.home / "secrets").stat().st_mode) == 0o600


def test_another_stack_has_other_secrets(stack, tmp_path):
    (tmp_path / "other").mkdir()
    other = Stack(tmp_path / "other", Ports(20000), 20080).settings()
    same = {name for name, value in stack.settings().items() if other[name] == value}
    assert same == {"PLATEAU_HTTP_HOST", "PLATEAU_HTTP_PORT", "PLATEAU_ALLOWED_NETWORKS"}


def test_every_role_that_plateau_serves_is_a_process(stack):
    assert set(environments(stack)) == set(ROLES)


def test_a_process_knows_no_password_of_an_owner_nor_of_another_service(stack):
    databases = {
        role: {name for name in environment if name.endswith(("_DATABASE_URL", "_MIGRATION_URL"))}
        for role, environment in environments(stack).items()
    }
    own = {role: {f"PLATEAU_{part_of(role).upper()}_DATABASE_URL"} for role in ROLES}
    assert databases == own


def test_the_key_to_personal_data_is_not_the_gateways(stack):
    environment_of = environments(stack)
    for key, part in (("PLATEAU_MASTER_KEY", False), ("PLATEAU_GATEWAY_KEY", True)):
        assert all((key in environment_of[role]) == ((part_of(role) == "gateway") is part) for role in ROLES)


def test_a_setting_of_the_callers_reaches_every_process(stack, monkeypatch):
    monkeypatch.setenv("PLATEAU_INGEST_QUEUES", "3")
    monkeypatch.setenv("PLATEAU_CALLS_DATABASE_URL", "postgresql://another/database")
    for environment in environments(stack).values():
        assert environment["PLATEAU_INGEST_QUEUES"] == "3"
        assert environment.get("PLATEAU_CALLS_DATABASE_URL") != "postgresql://another/database"


def test_what_does_not_answer_is_not_ready(stack):
    assert stack.health() == {}
    assert not stack.is_ready()
    assert not stack.is_level()


@pytest.mark.parametrize(
    ("health", "level"),
    [
        ({"dependencies": {"staff": "up"}, "ingest_backlog": 0, "projections": {"calls.calls": 0}}, True),
        ({"dependencies": {"staff": "up"}, "ingest_backlog": 1, "projections": {"calls.calls": 0}}, False),
        ({"dependencies": {"staff": "up"}, "ingest_backlog": 0, "projections": {"calls.calls": 2}}, False),
        ({"dependencies": {"staff": "away"}, "ingest_backlog": 0, "projections": {"calls.calls": 0}}, False),
    ],
)
def test_level_is_when_nothing_is_behind(stack, monkeypatch, health, level):
    monkeypatch.setattr(Stack, "health", lambda self: health)
    assert stack.is_level() is level


def test_changed_code_changes_what_supervisord_compares(stack, monkeypatch, tmp_path):
    (tmp_path / "services").mkdir()
    file = tmp_path / "services" / "new.py"
    file.touch()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    before = environments(stack)
    assert environments(stack) == before
    file.write_text("pass\n")
    assert all(environments(stack)[role] != before[role] for role in ROLES)


def test_a_plateau_command_gives_what_it_printed_or_fails_with_its_name(stack):
    assert "Run one process of Plateau" in stack.plateau("serve", "--help")
    with pytest.raises(click.ClickException, match="plateau rebuild nothing"):
        stack.plateau("rebuild", "nothing")
