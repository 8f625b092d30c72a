"""The event store, the keyring, and what the bus needs."""

from alembic import op

from services.kernel import store_tables

revision = "0001"
down_revision = None

ROLE = "plateau_staff"


def upgrade() -> None:
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    op.execute(store_tables.CREATE.format(role=ROLE, database=database))
    op.execute(store_tables.BUS.format(role=ROLE))


def downgrade() -> None:
    op.execute(store_tables.DROP)
