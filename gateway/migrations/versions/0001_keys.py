"""API keys, and the requests that bore an Idempotency-Key."""

from alembic import op

revision = "0001"
down_revision = None

API_KEYS = """
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    public_id text NOT NULL UNIQUE,
    digest bytea NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    sources text[],
    queues text[],
    unlimited boolean NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
)
"""
# `status` is null while the request runs; `claimed_at` moves when a request is tried again after a crash.
IDEMPOTENCY_KEYS = """
CREATE TABLE idempotency_keys (
    caller text,
    key text,
    digest bytea NOT NULL,
    command_id uuid NOT NULL,
    thing_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_at timestamptz NOT NULL DEFAULT now(),
    status smallint,
    headers jsonb,
    body bytea,
    PRIMARY KEY (caller, key)
)
"""


def upgrade() -> None:
    op.execute(API_KEYS)
    op.execute(IDEMPOTENCY_KEYS)
    op.execute("CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON api_keys TO plateau_gateway")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO plateau_gateway")


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
    op.execute("DROP TABLE api_keys")
