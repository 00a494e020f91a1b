-- Doubts that end, cancels that never exceed, keys removed at the PG, notices, idempotent requests.

SET LOCAL lock_timeout = '5s';

-- What to do when an approval turns up after the caller was told "not yet known" (M6).
ALTER TABLE channels ADD COLUMN doubt_policy text NOT NULL DEFAULT 'adopt'
    CHECK (doubt_policy IN ('adopt', 'cancel'));

ALTER TABLE payments ADD COLUMN is_scheduled boolean NOT NULL DEFAULT false;

ALTER TABLE attempts
    ADD COLUMN looks           integer     NOT NULL DEFAULT 0,
    -- Null: nobody needs to ask. Set when the request is written down, so that a process that dies
    -- with it leaves behind not only the doubt but the time of the first look (M5).
    ADD COLUMN next_look_at    timestamptz,
    ADD COLUMN deadline_at     timestamptz,
    ADD COLUMN leased_until    timestamptz,
    ADD COLUMN handed_over_at  timestamptz,
    ADD COLUMN remain_krw      bigint      CHECK (remain_krw >= amount_krw),
    ADD COLUMN reason          text,
    -- A cancel of ours that undoes an approval nobody was told of. The merchant's books never had it.
    ADD COLUMN is_reversal     boolean     NOT NULL DEFAULT false,
    ADD COLUMN tells_merchant  boolean     NOT NULL DEFAULT false,
    ADD COLUMN receipt_url     text,
    ADD COLUMN idempotency_key text;
CREATE INDEX attempts_to_look ON attempts (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE INDEX attempts_handed_over ON attempts (merchant_id, handed_over_at)
    WHERE handed_over_at IS NOT NULL AND state IN ('sending', 'unknown');
CREATE INDEX attempts_by_shop_order ON attempts (shop_order_no, mall_id);
CREATE INDEX attempts_by_idempotency_key ON attempts (merchant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
-- M8: cancels of one payment go one after the other, because the PG checks each against what remains.
CREATE UNIQUE INDEX attempts_one_cancel ON attempts (merchant_id, imp_uid)
    WHERE kind = 'cancel' AND state IN ('sending', 'unknown');

-- A key taken out of use here is still live at the PG until it said so: removal is work until then.
ALTER TABLE billing_keys
    ADD COLUMN next_removal_at timestamptz,
    ADD COLUMN removals        integer NOT NULL DEFAULT 0,
    ADD COLUMN pg_removed_at   timestamptz,
    ADD COLUMN needs_person    text;
CREATE INDEX billing_keys_to_remove ON billing_keys (next_removal_at) WHERE next_removal_at IS NOT NULL;

-- Notices of PGs: stored first, acknowledged, then worked on. Which merchant one is for is found
-- out by the work, so the provider's own name of it leads the key.
CREATE TABLE pg_notices (
    provider    text        NOT NULL,
    notice_id   text        NOT NULL,
    sealed_body bytea       NOT NULL,
    source      text        NOT NULL,
    times       integer     NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    outcome     text,
    PRIMARY KEY (provider, notice_id)
);

CREATE TABLE idempotent_requests (
    merchant_id     bigint      NOT NULL REFERENCES merchants,
    idempotency_key text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 255),
    -- Of each field its hash: enough to name those that differ, nothing to leak.
    fingerprints    jsonb       NOT NULL,
    started_at      timestamptz NOT NULL,
    answered_at     timestamptz,
    http_status     integer,
    sealed_answer   bytea,
    PRIMARY KEY (merchant_id, idempotency_key)
);
