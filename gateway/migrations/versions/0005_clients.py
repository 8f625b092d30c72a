"""API keys of clients of the centre."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE api_keys ADD COLUMN client text")


def downgrade() -> None:
    op.execute("ALTER TABLE api_keys DROP COLUMN client")
