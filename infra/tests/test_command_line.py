import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from infra.command_line import ROLES, main
from infra.local import __main__ as local
from infra.local.stack import PLATEAU


def test_the_command_itself_loads_neither_nameko_nor_eventlet_nor_psycopg():
    # psycopg asks for the wait function when it is imported, which only a Nameko process's own start may decide.
    program = (
        "import sys, infra.command_line; print({'nameko', 'eventlet', 'psycopg', 'alembic'} & {*sys.modules} or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "none"


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_every_role_names_modules_that_exist(role):
    for address in (role.run, *role.arguments):
        assert find_spec(address.split(":")[0]) is not None, address


def test_every_command_explains_itself():
    runner = CliRunner()
    assert runner.invoke(main, ["--help"]).exit_code == 0
    with main.make_context("plateau", ["serve", "gateway"]) as context:
        for name in main.list_commands(context):
            outcome = runner.invoke(main, [name, "--help"])
            assert outcome.exit_code == 0, outcome.output


def test_whatever_is_said_to_make_plateau_is_said_to_the_command(monkeypatch):
    said = []
    monkeypatch.setattr(local, "_kept_stack", lambda: SimpleNamespace(settings=dict, home=Path()))
    monkeypatch.setattr(local.environment_file, "read", lambda _path: {})
    monkeypatch.setattr(
        local.subprocess, "run", lambda command, **_: said.append(command) or SimpleNamespace(returncode=3)
    )
    outcome = CliRunner().invoke(local.main, ["plateau", "keys", "create", "--help"])
    assert (outcome.exit_code, said) == (3, [[*PLATEAU, "keys", "create", "--help"]])


def test_a_missing_address_names_its_variable():
    outcome = CliRunner().invoke(main, ["migrate"], env={"PLATEAU_CALLS_MIGRATION_URL": None})
    assert outcome.exit_code == 2
    assert "PLATEAU_CALLS_MIGRATION_URL" in outcome.output
