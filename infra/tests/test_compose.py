"""compose.yaml cannot be started without Docker; this holds it against what the code knows."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from infra.command_line import ROLES, main

FOLDER = Path(__file__).resolve().parents[1] / "compose"
ROOT = FOLDER.parents[1]
SERVICES = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "plateau"}


def test_every_role_is_served():
    served = [service["command"][1] for service in OURS.values() if service["command"][0] == "serve"]
    assert sorted(served) == sorted(ROLES)


@pytest.mark.parametrize("name", OURS)
def test_each_command_is_one_of_plateau(name):
    outcome = CliRunner().invoke(main, [OURS[name]["command"][0], "--help"])
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("name", OURS)
def test_each_variable_is_read_by_some_code(name):
    code = "".join(
        file.read_text()
        for folder in ("gateway", "services")
        for file in (ROOT / folder).rglob("*.py")
        if "tests" not in file.parts
    )
    options = {option.envvar for command in ("provision", "migrate") for option in main.commands[command].params}
    unknown = [variable for variable in OURS[name]["environment"] if variable not in options and variable not in code]
    assert unknown == []


def test_one_shot_commands_get_every_variable_that_they_require():
    for name in ("provision", "migrate"):
        required = {option.envvar for option in main.commands[name].params if option.required}
        assert required == set(SERVICES[name]["environment"])


def test_no_process_knows_the_owner_of_its_tables():
    for role in ROLES:
        assert not [variable for variable in SERVICES[role]["environment"] if variable.endswith("_MIGRATION_URL")]


def test_nothing_but_http_is_published_and_that_on_the_loopback_address():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["gateway"]
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])


def test_every_required_secret_is_made_by_make_secrets():
    required = set(re.findall(r"\$\{(\w+):\?", (FOLDER / "compose.yaml").read_text()))
    script = (FOLDER / "make-secrets").read_text()
    passwords, keys = (found.replace("\\", " ").split() for found in re.findall(r"for name in ([^;]+); do", script))
    assert required == {f"{name}_PASSWORD" for name in passwords} | {f"PLATEAU_{name}_KEY" for name in keys}


def test_what_stays_up_is_restarted_and_watched():
    lasting = [service for name, service in SERVICES.items() if name not in {"provision", "migrate"}]
    assert all(service["restart"] == "unless-stopped" and service["healthcheck"]["test"] for service in lasting)


def test_the_secrets_do_not_get_into_the_image():
    assert "infra/compose" in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert ".env" in (FOLDER / ".gitignore").read_text().splitlines()
