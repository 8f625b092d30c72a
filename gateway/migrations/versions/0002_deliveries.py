"""What is delivered to the outside: how far the public events are read, targets, deliveries and their attempts."""

from alembic import op

revision = "0002"
down_revision = "0001"

# How far the public events of each service were read, as a place in its order.
EVENT_CURSORS = """
CREATE TABLE event_cursors (
    service text PRIMARY KEY,
    place text NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now()
)
"""
# Where a channel delivers to, and how it fares: sent to unless paused or held, one at a time while it fails.
TARGETS = """
CREATE TABLE delivery_targets (
    channel text,
    target_id uuid,
    paused boolean NOT NULL DEFAULT false,
    held_until timestamptz,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    PRIMARY KEY (channel, target_id)
)
"""
# `tries` counts along the channel's delays, from `begun_at` on; `attempts` counts all, and tells the sender whose lease
# has run out from the present one. What is `urgent` is sent once, whatever becomes of it, even while its target pauses.
DELIVERIES = """
CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL,
    target_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    event json NOT NULL,
    ordering_key text,
    urgent boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'due' CHECK (status IN ('due', 'delivered', 'dead')),
    tries smallint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    made_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    finished_at timestamptz,
    reason text,
    result jsonb,
    UNIQUE (target_id, channel, event_id)
)
"""
ATTEMPTS = """
CREATE TABLE delivery_attempts (
    delivery_id uuid REFERENCES deliveries ON DELETE CASCADE,
    number integer,
    began_at timestamptz NOT NULL,
    seconds numeric(9, 3) NOT NULL,
    outcome text NOT NULL,
    status smallint,
    reason text,
    excerpt text,
    PRIMARY KEY (delivery_id, number)
)
"""
INDEXES = (
    "CREATE INDEX deliveries_due ON deliveries (channel, target_id, due_at, position) WHERE status = 'due'",
    "CREATE INDEX deliveries_urgent ON deliveries (due_at) WHERE status = 'due' AND urgent",
    """CREATE INDEX deliveries_in_order ON deliveries (channel, target_id, ordering_key, position)
        WHERE status = 'due' AND ordering_key IS NOT NULL""",
    "CREATE INDEX deliveries_of_channel ON deliveries (channel, position)",
    "CREATE INDEX deliveries_by_age ON deliveries (made_at)",
)


def upgrade() -> None:
    for statement in (EVENT_CURSORS, TARGETS, DELIVERIES, ATTEMPTS, *INDEXES):
        op.execute(statement)
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON event_cursors, delivery_targets, deliveries, delivery_attempts"
        " TO plateau_gateway"
    )


def downgrade() -> None:
    op.execute("DROP TABLE delivery_attempts, deliveries, delivery_targets, event_cursors")
