-- Booked charges; webhooks that are logged, signed, paused and replayed; a clock for test merchants.

SET LOCAL lock_timeout = '5s';

-- How far the clock of a merchant in test mode was turned. What is due is kept on the machine's
-- clock: turning a merchant's clock moves its due times, so that no loop needs to know of it.
ALTER TABLE merchants
    ADD COLUMN clock_ahead_s   bigint  NOT NULL DEFAULT 0 CHECK (clock_ahead_s >= 0),
    -- Also tell what Iamport leaves out: declined charges, keys, revoked schedules, doubts.
    ADD COLUMN tells_more      boolean NOT NULL DEFAULT false,
    -- Days after a booked charge was declined on which it is tried again. Empty: never.
    ADD COLUMN retry_days      integer[] NOT NULL DEFAULT '{}'
        CHECK (cardinality(retry_days) <= 10 AND 1 <= ALL (retry_days) AND 60 >= ALL (retry_days));

CREATE TABLE schedules (
    merchant_id    bigint      NOT NULL REFERENCES merchants,
    schedule_id    text        NOT NULL,
    merchant_uid   text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 40),
    customer_uid   text        NOT NULL CHECK (length(customer_uid) BETWEEN 1 AND 80),
    customer_id    text,
    -- 'running': a worker has it, and what it did may be known only from the order's payment.
    status         text        NOT NULL CHECK (status IN ('scheduled', 'running', 'executed', 'revoked')),
    -- As the merchant said, on the merchant's clock; due_at is the same on the machine's.
    schedule_at    timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    amount_krw     bigint      NOT NULL CHECK (amount_krw >= 1),
    tax_free_krw   bigint      CHECK (tax_free_krw BETWEEN 0 AND amount_krw),
    name           text        NOT NULL,
    buyer_name     text,
    buyer_email    text,
    buyer_tel      text,
    buyer_addr     text,
    buyer_postcode text,
    custom_data    text,
    notice_urls    text[]      NOT NULL DEFAULT '{}',
    card_quota     integer     NOT NULL DEFAULT 0,
    -- The payment of the newest run; what became of it is read from there.
    imp_uid        text,
    runs           integer     NOT NULL DEFAULT 0,
    retries        integer     NOT NULL DEFAULT 0,
    -- It may have been declined, and its merchant wants declined ones tried again.
    awaits_retry   boolean     NOT NULL DEFAULT false,
    leased_until   timestamptz,
    started_at     timestamptz,
    executed_at    timestamptz,
    revoked_at     timestamptz,
    booked_at      timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    version        integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, schedule_id),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    CHECK (status <> 'executed' OR (imp_uid IS NOT NULL AND executed_at IS NOT NULL)),
    CHECK (status <> 'revoked' OR revoked_at IS NOT NULL)
);
-- One booking an order. A revoked one makes room for another.
CREATE UNIQUE INDEX schedules_order_once ON schedules (merchant_id, merchant_uid)
    WHERE status <> 'revoked';
CREATE INDEX schedules_by_order ON schedules (merchant_id, merchant_uid, booked_at DESC);
CREATE INDEX schedules_due ON schedules (due_at, schedule_id)
    WHERE status IN ('scheduled', 'running');
CREATE INDEX schedules_by_time ON schedules (merchant_id, schedule_at);
CREATE INDEX schedules_by_key ON schedules (merchant_id, customer_uid, schedule_at);
CREATE INDEX schedules_awaiting_retry ON schedules (executed_at) WHERE awaits_retry;
CREATE INDEX schedules_started ON schedules (started_at) WHERE started_at IS NOT NULL;

-- Charges that must not start. merchant_id 0 stops all of them.
CREATE TABLE schedule_stops (
    merchant_id bigint      PRIMARY KEY,
    stopped_at  timestamptz NOT NULL,
    why         text        NOT NULL
);

-- The cursor of the feed. Given after the commit, one merchant at a time, so that a number never
-- appears behind one that was read: positions are taken before the commit and may overtake.
ALTER TABLE webhook_events
    ADD COLUMN feed_no bigint;
CREATE SEQUENCE webhook_feed_numbers;
CREATE INDEX webhook_events_unnumbered ON webhook_events (merchant_id, position)
    WHERE feed_no IS NULL;
CREATE UNIQUE INDEX webhook_events_by_feed_no ON webhook_events (merchant_id, feed_no)
    WHERE feed_no IS NOT NULL;
CREATE INDEX webhook_events_by_object ON webhook_events (merchant_id, imp_uid, version);

-- How far a named reader of the feed has come.
CREATE TABLE feed_readers (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    reader      text        NOT NULL CHECK (length(reader) BETWEEN 1 AND 40),
    feed_no     bigint      NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, reader)
);

ALTER TABLE deliveries
    -- Host and port: what is slow or down together.
    ADD COLUMN receiver   text NOT NULL GENERATED ALWAYS AS
        (coalesce(lower(substring(url FROM '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)')), '')) STORED,
    -- Tries of the present round; a replay begins a new one.
    ADD COLUMN round      integer NOT NULL DEFAULT 0,
    -- When the receiver first answered anything that was its own word (a 4xx). Later events of the
    -- same payment do not wait for what was heard in its turn.
    ADD COLUMN heard_at   timestamptz;
CREATE INDEX deliveries_of_event ON deliveries (merchant_id, event_id);
CREATE INDEX deliveries_by_time ON deliveries (merchant_id, created_at);

CREATE TABLE delivery_tries (
    merchant_id  bigint      NOT NULL,
    delivery_id  text        NOT NULL,
    number       integer     NOT NULL,
    at           timestamptz NOT NULL,
    took_ms      integer     NOT NULL,
    url          text        NOT NULL,
    request      text        NOT NULL,
    http_status  integer,
    answer       text        NOT NULL,
    next_try_at  timestamptz,
    PRIMARY KEY (merchant_id, delivery_id, number),
    FOREIGN KEY (merchant_id, delivery_id) REFERENCES deliveries
);

-- What is known of a receiver that fails. None of it is kept for one that answers.
CREATE TABLE webhook_receivers (
    merchant_id     bigint      NOT NULL REFERENCES merchants,
    receiver        text        NOT NULL,
    failures        integer     NOT NULL,
    failing_since   timestamptz NOT NULL,
    paused_until    timestamptz,
    -- It answered 410: nothing goes there until a person resumes it.
    gone_at         timestamptz,
    PRIMARY KEY (merchant_id, receiver)
);

CREATE TABLE webhook_secrets (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    secret_id   text        NOT NULL,
    sealed      bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (merchant_id, secret_id)
);
CREATE UNIQUE INDEX webhook_secrets_one_newest ON webhook_secrets (merchant_id)
    WHERE expires_at IS NULL;
