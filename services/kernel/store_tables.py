"""The tables that every service has, as its first migration makes them.

Three schemas: `store` (events, checkpoints), `keyring` (data keys, with a backup set of its own) and `read` (views on
the read models in use). The service's own role may add events and read them, never change or delete one, and may
not say at which position or in which transaction they were written.
"""

CREATE = """
CREATE SCHEMA store;
CREATE SCHEMA keyring;
CREATE SCHEMA read;
GRANT USAGE ON SCHEMA store, keyring, read TO {role};
GRANT CREATE ON SCHEMA read TO {role};
GRANT CREATE ON DATABASE {database} TO {role};

CREATE TABLE store.events (
    position bigint GENERATED ALWAYS AS IDENTITY,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    stream_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    event_id uuid NOT NULL,
    type text NOT NULL,
    schema_version smallint NOT NULL,
    data jsonb NOT NULL,
    metadata jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream_id, version),
    UNIQUE (stream_id, event_id)
) WITH (
    -- Rows never change: vacuum only to freeze and to keep the visibility map, which insertion alone drives.
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_freeze_min_age = 10000000
);
CREATE INDEX events_order ON store.events (transaction_id, position);
GRANT SELECT ON store.events, store.events_position_seq TO {role};
GRANT INSERT (stream_id, version, event_id, type, schema_version, data, metadata, occurred_at)
    ON store.events TO {role};

CREATE TABLE store.projections (
    name text NOT NULL,
    generation integer NOT NULL,
    version integer NOT NULL,
    in_use boolean NOT NULL,
    transaction_id xid8 NOT NULL DEFAULT '0',
    position bigint NOT NULL DEFAULT 0,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, generation)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX projections_in_use ON store.projections (name) WHERE in_use;
GRANT SELECT, INSERT, UPDATE, DELETE ON store.projections TO {role};

CREATE TABLE keyring.keys (
    subject uuid PRIMARY KEY,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON keyring.keys TO {role};
"""

# How far the relay has published, and what has been received from other services.
BUS = """
CREATE TABLE store.relays (
    service text PRIMARY KEY,
    transaction_id xid8 NOT NULL,
    position bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE ON store.relays TO {role};

CREATE TABLE store.inbox (
    source text NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    revision integer,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, event_id)
);
CREATE INDEX inbox_revisions ON store.inbox (source, type, subject, revision DESC) WHERE revision IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON store.inbox TO {role};
"""

# The generations of the read models lie in schemas that the service made itself.
DROP = """
DO $$ DECLARE made text; BEGIN
    FOR made IN SELECT name || '_' || generation FROM store.projections LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', made);
    END LOOP;
END $$;
DROP SCHEMA read CASCADE;
DROP SCHEMA keyring CASCADE;
DROP SCHEMA store CASCADE;
"""
