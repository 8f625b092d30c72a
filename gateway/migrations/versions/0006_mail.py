"""The mail server, as a target of deliveries."""

from alembic import op

revision = "0006"
down_revision = "0005"

MAKE = """INSERT INTO delivery_targets (channel, target_id)
    VALUES ('email', '5f1cbd2e-6a0f-5f0f-9d55-5d0f5d3c7a10') ON CONFLICT DO NOTHING"""


def upgrade() -> None:
    op.execute(MAKE)


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE channel = 'email'")
    op.execute("DELETE FROM delivery_targets WHERE channel = 'email'")
