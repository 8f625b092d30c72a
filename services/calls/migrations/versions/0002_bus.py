"""What the bus needs: how far the relay has published, and what was received."""

from alembic import op

from services.kernel import store_tables

revision = "0002"
down_revision = "0001"

ROLE = "plateau_calls"


def upgrade() -> None:
    op.execute(store_tables.BUS.format(role=ROLE))


def downgrade() -> None:
    op.execute("DROP TABLE store.inbox")
    op.execute("DROP TABLE store.relays")
