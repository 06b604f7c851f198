-- The ledger. "@" stands for the schema's name. Explained in docs/LEDGER.md.
-- Rows of pipelines, partitions and shards are updated by every batch: half-empty pages keep those updates within a page (HOT), and
-- vacuum does not wait for a share of a table that has a hundred rows. Tables that a batch inserts into have no foreign key: its check
-- would lock the pipeline's row once for each of them, and the fence has it locked already.

CREATE TABLE @.pipelines (
    pipeline      text COLLATE "C" PRIMARY KEY,
    plan_version  bigint      NOT NULL,
    plan_hash     text        NOT NULL,
    signatures    jsonb       NOT NULL,
    shards        integer     NOT NULL,
    token         uuid        NOT NULL,
    epoch         bigint      NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    planned_at    timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE @.partitions (
    pipeline         text COLLATE "C" NOT NULL REFERENCES @.pipelines ON DELETE CASCADE,
    topic            text COLLATE "C" NOT NULL,
    partition        integer     NOT NULL,
    topic_id         uuid,
    topic_partitions integer     NOT NULL,
    next_offset      bigint      NOT NULL CHECK (next_offset >= 0),
    leader_epoch     integer     NOT NULL DEFAULT -1,
    watermark        timestamptz,
    epoch            bigint      NOT NULL DEFAULT 0,
    owner            text        NOT NULL DEFAULT '',
    token            uuid,
    claimed_at       timestamptz,
    PRIMARY KEY (pipeline, topic, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE @.shards (
    pipeline    text COLLATE "C" NOT NULL REFERENCES @.pipelines ON DELETE CASCADE,
    shard       integer     NOT NULL,
    seq         bigint      NOT NULL DEFAULT 0,
    commit_id   uuid,
    batch_time  timestamptz,
    epoch       bigint      NOT NULL DEFAULT 0,
    owner       text        NOT NULL DEFAULT '',
    token       uuid,
    claimed_at  timestamptz,
    PRIMARY KEY (pipeline, shard),
    CHECK ((seq = 0) = (commit_id IS NULL))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE @.claims (
    token       uuid        PRIMARY KEY,
    pipeline    text COLLATE "C" NOT NULL,
    epoch       bigint      NOT NULL,
    instance    text        NOT NULL,
    backend_pid integer     NOT NULL DEFAULT pg_backend_pid(),
    replaced    jsonb       NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX claims_by_time ON @.claims (pipeline, claimed_at);

CREATE TABLE @.batches (
    pipeline       text COLLATE "C" NOT NULL,
    commit_id      uuid        NOT NULL,
    previous_id    uuid,
    previous_hash  bytea,
    hash           bytea       NOT NULL,
    instance       text        NOT NULL,
    epoch          bigint      NOT NULL,
    plan_version   bigint      NOT NULL,
    delivery       text        NOT NULL,
    batch_time     timestamptz NOT NULL,
    watermark      timestamptz,
    ranges         jsonb       NOT NULL,
    shards         jsonb       NOT NULL,
    records_in     bigint      NOT NULL,
    records_filtered bigint    NOT NULL,
    records_late   bigint      NOT NULL,
    records_dead   bigint      NOT NULL,
    rows_out       bigint      NOT NULL,
    bytes_in       bigint      NOT NULL,
    opened_at      timestamptz,
    cut_at         timestamptz,
    compute        interval    NOT NULL,
    committed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pipeline, commit_id)
);
CREATE INDEX batches_by_time ON @.batches (pipeline, batch_time, committed_at);

CREATE TABLE @.deltas (
    pipeline    text COLLATE "C" NOT NULL,
    shard       integer NOT NULL,
    seq         bigint  NOT NULL,
    part        integer NOT NULL,
    commit_id   uuid    NOT NULL,
    previous_id uuid,
    bytes       bytea   NOT NULL,
    PRIMARY KEY (pipeline, shard, seq, part)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.5);

CREATE TABLE @.snapshots (
    pipeline     text COLLATE "C" NOT NULL,
    shard        integer     NOT NULL,
    commit_id    uuid        NOT NULL,
    seq          bigint      NOT NULL,
    upload       uuid        NOT NULL,
    parts        integer     NOT NULL,
    size_bytes   bigint      NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pipeline, shard, commit_id)
);

CREATE TABLE @.snapshot_parts (
    pipeline  text COLLATE "C" NOT NULL,
    shard     integer     NOT NULL,
    upload    uuid        NOT NULL,
    part      integer     NOT NULL,
    bytes     bytea       NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (pipeline, shard, upload, part)
);

CREATE TABLE @.dead_letters (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline      text COLLATE "C" NOT NULL,
    commit_id     uuid        NOT NULL,
    source        text        NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    record_time   timestamptz,
    stage         text        NOT NULL,
    code          text        NOT NULL,
    error         text        NOT NULL,
    key           bytea,
    value         bytea,
    stored_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX dead_letters_by_time ON @.dead_letters (pipeline, stored_at);

CREATE TABLE @.late_rows (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pipeline      text COLLATE "C" NOT NULL,
    commit_id     uuid        NOT NULL,
    source        text        NOT NULL,
    stream        text        NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    event_time    timestamptz NOT NULL,
    watermark     timestamptz,
    key           bytea,
    value         bytea,
    stored_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX late_rows_by_time ON @.late_rows (pipeline, stored_at);

-- Deltas and snapshots are compressed already.
ALTER TABLE @.deltas ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE @.snapshot_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;
