"""Each import contract of pyproject.toml fails where it is broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("gateway", "services", "infra", "loadtests")
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code."""
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken(tree: Path) -> set[str]:
    """The names of the contracts that do not hold in `tree`."""
    done = subprocess.run(  # noqa: S603
        [LINT_IMPORTS, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    return {line.partition(" BROKEN")[0] for line in done.stdout.splitlines() if " BROKEN" in line}


DOMAIN = "The domain is pure: standard library, value types and the decider"
SERVICES = "A service imports no other service, and the kernel none at all"
OUTSIDE = "Services and kernel know nothing of what stands around them"
GATEWAY = "The gateway knows services by their contracts only, and the kernel"
SHIPPING = "A shipper knows nothing of what does not run beside a telephone system"
MESSAGING = "Only a service's wiring and its ingest know the kernel's messaging"
FRAMEWORK = "Only a service's wiring and the kernel's messaging know nameko and eventlet"
HTTP = "Only the gateway serves HTTP"


def test_the_code_as_it_is_breaks_none(tree):
    assert broken(tree) == set()


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("services/calls/domain/legs.py", "import random", DOMAIN),
        ("services/calls/domain/legs.py", "import psycopg", DOMAIN),
        ("services/calls/domain/legs.py", "from services.kernel import store", DOMAIN),
        ("services/calls/domain/legs.py", "from services.calls import queries", DOMAIN),
        ("services/staff/domain/__init__.py", "import marshmallow", DOMAIN),
        ("services/calls/policies.py", "import services.staff.api", SERVICES),
        ("services/staff/service.py", "from services.calls.domain import legs", SERVICES),
        ("services/kernel/store.py", "import services.calls.api", SERVICES),
        ("services/calls/policies.py", "import infra.databases", OUTSIDE),
        ("services/calls/policies.py", "import gateway.app", OUTSIDE),
        ("gateway/app.py", "from services.calls.domain import legs", GATEWAY),
        ("gateway/app.py", "from services.staff import service", GATEWAY),
        ("gateway/app.py", "import infra.databases", GATEWAY),
        ("infra/shipping/spool.py", "import gateway.adapters", SHIPPING),
        ("infra/shipping/spool.py", "import services.kernel.values", SHIPPING),
        ("gateway/app.py", "import services.kernel.messaging", MESSAGING),
        ("loadtests/sides.py", "import services.kernel.messaging.batches", MESSAGING),
        ("services/calls/policies.py", "import eventlet", FRAMEWORK),
        ("gateway/app.py", "from nameko import runners", FRAMEWORK),
        ("infra/databases.py", "import nameko", FRAMEWORK),
        ("services/calls/ingest.py", "import starlette.routing", HTTP),
        ("infra/databases.py", "import uvicorn", HTTP),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(tree, module, line, contract):
    path = tree / module
    kept = path.read_text()
    path.write_text(f"{kept}\n{line}\n")
    try:
        assert contract in broken(tree)
    finally:
        path.write_text(kept)
