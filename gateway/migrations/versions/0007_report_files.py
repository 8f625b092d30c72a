"""The files of report schedules, as they were sent."""

from alembic import op

revision = "0007"
down_revision = "0006"

FILES = """
CREATE TABLE report_files (
    schedule uuid NOT NULL,
    due_at timestamptz NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    content bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schedule, due_at)
)
"""


def upgrade() -> None:
    op.execute(FILES)
    op.execute("CREATE INDEX report_files_by_age ON report_files (made_at)")
    op.execute("GRANT SELECT, INSERT, DELETE ON report_files TO plateau_gateway")


def downgrade() -> None:
    op.execute("DROP TABLE report_files")
