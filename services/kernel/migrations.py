"""How every database is migrated: the one implementation behind each `migrations/env.py`."""

import sqlalchemy
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy.pool import NullPool

# Any number will do, as long as all that migrate one database agree on it.
LOCK = 7_504_113


def run(context: EnvironmentContext) -> None:
    """Apply the migrations of `context` to the database whose address is `config.attributes["dsn"]`.

    All of them in one transaction: a failure leaves the database as it was. Two at once wait for each other.
    """
    address = sqlalchemy.make_url(context.config.attributes["dsn"]).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(address, poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()
