"""Webhook endpoints, their secrets, and back-fills of what they missed."""

from alembic import op

revision = "0003"
down_revision = "0002"

# A deleted endpoint stays as a row, for the record of its deliveries; its secrets do not.
ENDPOINTS = """
CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    types text[] NOT NULL,
    description text NOT NULL,
    status text NOT NULL DEFAULT 'live' CHECK (status IN ('live', 'paused', 'disabled', 'deleted')),
    reason text,
    version integer NOT NULL DEFAULT 1,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    warned_at timestamptz
)
"""
SECRETS = """
CREATE TABLE webhook_secrets (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints,
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
)
"""
# `places` is how far each service was read, `ends` up to where there was something when the back-fill was ordered.
BACKFILLS = """
CREATE TABLE webhook_backfills (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints,
    begins timestamptz NOT NULL,
    ends timestamptz NOT NULL,
    types text[] NOT NULL,
    status text NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'cancelled')),
    places jsonb NOT NULL DEFAULT '{}',
    until jsonb,
    found integer NOT NULL DEFAULT 0,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
)
"""


def upgrade() -> None:
    for statement in (ENDPOINTS, SECRETS, BACKFILLS):
        op.execute(statement)
    op.execute("CREATE INDEX webhook_secrets_of_endpoint ON webhook_secrets (endpoint_id)")
    op.execute("CREATE INDEX webhook_backfills_of_endpoint ON webhook_backfills (endpoint_id)")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, webhook_secrets, webhook_backfills"
        " TO plateau_gateway"
    )


def downgrade() -> None:
    op.execute("DROP TABLE webhook_backfills, webhook_secrets, webhook_endpoints")
