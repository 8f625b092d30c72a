"""API keys of clients of the centre."""

from alembic import op

revision = "0002_clients"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE api_keys ADD COLUMN client text")


def downgrade() -> None:
    op.execute("ALTER TABLE api_keys DROP COLUMN client")
