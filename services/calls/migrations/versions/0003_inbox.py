"""The inbox may forget."""

from alembic import op

revision = "0003"
down_revision = "0002"

ROLE = "plateau_calls"


def upgrade() -> None:
    op.execute(f"GRANT DELETE ON store.inbox TO {ROLE}")


def downgrade() -> None:
    op.execute(f"REVOKE DELETE ON store.inbox FROM {ROLE}")
