"""The event store, the keyring, and what ingest keeps beside them."""

from alembic import op

from services.kernel import store_tables

revision = "0001"
down_revision = None

ROLE = "plateau_calls"

INGEST = """
CREATE TABLE store.fact_conflicts (
    stream_id uuid NOT NULL,
    event_id uuid NOT NULL,
    digest text NOT NULL,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream_id, event_id, digest)
);
GRANT SELECT, INSERT ON store.fact_conflicts TO {role};

CREATE TABLE store.ingest_progress (
    publisher text NOT NULL,
    queue text NOT NULL,
    facts bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publisher, queue)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON store.ingest_progress TO {role};
"""


def upgrade() -> None:
    database = op.get_bind().exec_driver_sql("SELECT current_database()").scalar()
    op.execute(store_tables.CREATE.format(role=ROLE, database=database))
    op.execute(INGEST.format(role=ROLE))


def downgrade() -> None:
    op.execute(store_tables.DROP)
