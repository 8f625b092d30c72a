"""Brings a service's database to another revision of its tables, with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from infra.addresses import SERVICES

ROOT = Path(__file__).resolve().parents[1]
LOCATIONS = {name: ROOT / "services" / name / "migrations" for name in SERVICES} | {
    "gateway": ROOT / "gateway/migrations"
}


def upgrade(name: str, dsn: str, revision: str = "head") -> None:
    """Bring the database of the service `name` at `dsn` (its owner's address) up to `revision`; idempotent."""
    command.upgrade(_config(LOCATIONS[name], dsn), revision)


def downgrade(name: str, dsn: str, revision: str = "base") -> None:
    """Take the database of the service `name` at `dsn` (its owner's address) back to `revision`."""
    command.downgrade(_config(LOCATIONS[name], dsn), revision)


def _config(location: Path, dsn: str) -> Config:
    config = Config()
    # Doubled, because Alembic's settings interpolate.
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["dsn"] = dsn
    return config
