"""CRM connections, and what is remembered of the calls that each was sent."""

from alembic import op

revision = "0004"
down_revision = "0003"

# `secrets` and `tokens` are sealed. `status`: active, paused by somebody, or unauthorised: a person must renew it.
CONNECTIONS = """
CREATE TABLE crm_connections (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    provider text NOT NULL,
    settings jsonb NOT NULL,
    secrets bytea NOT NULL,
    tokens bytea,
    when_none text NOT NULL,
    when_several text NOT NULL,
    queues text[],
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'unauthorised')),
    reason text,
    version integer NOT NULL DEFAULT 1,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""
# Written before a call is sent for the first time: whoever finds a row without a `provider_id` cannot know whether the
# provider has made the call.
CALLS = """
CREATE TABLE crm_calls (
    connection_id uuid REFERENCES crm_connections ON DELETE CASCADE,
    call_id uuid,
    revision integer NOT NULL DEFAULT 0,
    provider_id text,
    kind text,
    matching text,
    contacts text[] NOT NULL DEFAULT '{}',
    state jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, call_id)
)
"""


def upgrade() -> None:
    op.execute(CONNECTIONS)
    op.execute(CALLS)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON crm_connections, crm_calls TO plateau_gateway")


def downgrade() -> None:
    op.execute("DROP TABLE crm_calls, crm_connections")
