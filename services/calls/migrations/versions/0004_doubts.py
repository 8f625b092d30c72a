"""What the report on data quality reads: repeats as they are counted, and facts and conflicts by when they came."""

from alembic import op

revision = "0004"
down_revision = "0003"

ROLE = "plateau_calls"

# A line of pages at a time: next to nothing to keep, because facts are appended in the order of this column.
RECORDED = """
CREATE INDEX events_recorded ON store.events USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX fact_conflicts_in_order ON store.fact_conflicts (recorded_at);
"""

# One row an ingest queue, so that no two consumers wait for each other.
REPEATS = """
CREATE TABLE store.fact_repeats (
    queue text NOT NULL,
    source text NOT NULL,
    hour timestamptz NOT NULL,
    facts bigint NOT NULL,
    PRIMARY KEY (hour, source, queue)
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON store.fact_repeats TO {role};
"""


def upgrade() -> None:
    op.execute(RECORDED)
    op.execute(REPEATS.format(role=ROLE))


def downgrade() -> None:
    op.execute("DROP TABLE store.fact_repeats")
    op.execute("DROP INDEX store.fact_conflicts_in_order, store.events_recorded")
