-- expand: the initial schema.
--
-- Growing tables put merchant_id first in their primary keys, so that they can be distributed by
-- merchant later. A foreign key between two rows of one merchant includes merchant_id too.
-- A unique index prevents each thing that must never happen twice, before any code does (M1).
-- docs/concepts/never-twice.md explains the promises M1 to M9.

-- Shared by the tables that are append-only.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;


-- Installation ---------------------------------------------------------------------------------

-- One row: this installation. A restored backup keeps its id.
CREATE TABLE installation (
    is_only         boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    installation_id uuid        NOT NULL DEFAULT gen_random_uuid(),
    -- 'recovering': committed rows are missing, so each request for money is looked up before it is
    -- sent. 'stopped': none is sent (M11). 'held': this may be a copy, so nothing is sent at all.
    mode            text        NOT NULL DEFAULT 'normal'
                                CHECK (mode IN ('normal', 'recovering', 'stopped', 'held')),
    mode_since      timestamptz,
    mode_detail     text,
    -- The newest moment that the database knew when it left 'normal'.
    newest_row_at   timestamptz,
    -- Where the original is: PostgreSQL's system identifier with the database's name, and the data
    -- folder of an embedded database. A copy finds itself in another place.
    home_cluster    text,
    home_folder     jsonb
);
INSERT INTO installation DEFAULT VALUES;


-- Merchants, API keys and access tokens --------------------------------------------------------

-- One row for each business that uses dasi.
CREATE TABLE merchants (
    merchant_id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code                 text        NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{3,40}$'),
    name                 text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    webhook_url          text        CHECK (length(webhook_url) <= 2000),
    -- Receives the events of sandbox channels. NULL: webhook_url receives them too.
    test_webhook_url     text        CHECK (length(test_webhook_url) <= 2000),
    webhook_content_type text        NOT NULL DEFAULT 'json' CHECK (webhook_content_type IN ('json', 'form')),
    -- Also send the events that Iamport does not send: declined charges, billing keys, revoked
    -- schedules, unknown outcomes.
    extended_events      boolean     NOT NULL DEFAULT false,
    -- A declined scheduled charge is retried once on each of these days after its scheduled date.
    -- Empty: never.
    retry_days           integer[]   NOT NULL DEFAULT '{}'
                                     CHECK (cardinality(retry_days) <= 10 AND 1 <= ALL (retry_days)
                                            AND 60 >= ALL (retry_days)),
    -- Where a payer may be sent after a window: hosts (shop.example) and app schemes (myapp:).
    -- Without a host: the host of the page that opened the window.
    return_addresses     text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(return_addresses) <= 50),
    -- A window opens only for an order that the merchant's server registered (registered_windows).
    requires_registered_windows boolean NOT NULL DEFAULT false,
    -- How long a replaced billing key is kept at the PG, so that an operator can restore it.
    replaced_key_days    integer     NOT NULL DEFAULT 7 CHECK (replaced_key_days BETWEEN 0 AND 90),
    -- How far the clock of a merchant in test mode was moved forward. Due times are stored on the
    -- machine's clock and move with it, so no worker loop needs to read this column.
    clock_offset_s       bigint      NOT NULL DEFAULT 0 CHECK (clock_offset_s >= 0),
    -- When the first live channel was added. Since then the merchant is live, also while its live
    -- channels are disabled: its pages use live channels only, and test payments are left out (M12).
    live_since           timestamptz,
    -- Until then the pages of a live merchant may use its test channels too.
    test_windows_until   timestamptz,
    -- Events up to this sequence may have been deleted because of their age. A cursor of the feed from
    -- before is refused.
    events_deleted_until bigint      NOT NULL DEFAULT 0,
    created_at           timestamptz NOT NULL
);

-- One row for each key of the REST API. Only a salted hash of its secret is stored.
CREATE TABLE api_keys (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    api_key     text        NOT NULL CHECK (length(api_key) BETWEEN 4 AND 100),
    -- Existing clients spell one key in upper and in lower case, so the comparison ignores case.
    lookup      text        GENERATED ALWAYS AS (lower(api_key)) STORED UNIQUE,
    secret_salt bytea       NOT NULL,
    secret_hash bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Kept here because access tokens are deleted after they expire.
    used_at     timestamptz,
    expires_at  timestamptz,
    -- The key of the rotation that ends this one. Until then that key is not rotated again.
    replaced_by text,
    PRIMARY KEY (merchant_id, api_key)
);

-- One row for each access token of the REST API, until it expires.
CREATE TABLE access_tokens (
    -- The merchant is not known before the token is found, so merchant_id does not lead this key.
    token_hash  bytea       PRIMARY KEY,
    merchant_id bigint      NOT NULL,
    api_key     text        NOT NULL,
    -- A repeated request returns the same token until it expires, so a hash alone is not enough.
    sealed      bytea       NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    FOREIGN KEY (merchant_id, api_key) REFERENCES api_keys ON DELETE CASCADE
);
CREATE INDEX access_tokens_of_key ON access_tokens (merchant_id, api_key, expires_at DESC);


-- Channels -------------------------------------------------------------------------------------

-- One row for each contract of a merchant with a PG.
CREATE TABLE channels (
    merchant_id      bigint      NOT NULL REFERENCES merchants,
    channel_id       bigint      GENERATED ALWAYS AS IDENTITY,
    channel_key      text        NOT NULL UNIQUE,
    provider         text        NOT NULL CHECK (provider IN ('kicc')),
    pg_merchant_id          text        NOT NULL CHECK (pg_merchant_id ~ '^[A-Za-z0-9]{1,20}$'),
    sealed_secret    bytea       NOT NULL,
    -- The mode: the PG's test host, or real money. Payments, billing keys, schedules and events have
    -- the mode of their channel, so it never changes.
    is_sandbox       boolean     NOT NULL,
    is_default       boolean     NOT NULL,
    -- The card data that the payer enters when a billing key is issued.
    key_fields       text        NOT NULL DEFAULT 'full'
                                 CHECK (key_fields IN ('full', 'number_expiry', 'number_expiry_birth')),
    language         text        NOT NULL DEFAULT 'ko' CHECK (language IN ('ko', 'en', 'ja', 'zh')),
    -- The most months of instalments that the payment window offers. 0: lump sum only. NULL: the
    -- contract with the PG decides.
    quota_months_max smallint    CHECK (quota_months_max = 0 OR quota_months_max BETWEEN 2 AND 36),
    -- Applies to an approval that is found after the client heard "not yet known" (M6).
    late_approval_policy text    NOT NULL DEFAULT 'keep'
                                 CHECK (late_approval_policy IN ('keep', 'cancel')),
    created_at       timestamptz NOT NULL,
    -- A disabled channel opens no new payment windows. Its payments and billing keys keep working.
    disabled_at      timestamptz,
    PRIMARY KEY (merchant_id, channel_id),
    UNIQUE (merchant_id, provider, pg_merchant_id),
    CONSTRAINT channels_default_is_in_use CHECK (NOT (is_default AND disabled_at IS NOT NULL))
);
CREATE UNIQUE INDEX channels_one_default ON channels (merchant_id) WHERE is_default;

CREATE FUNCTION refuse_channel_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the mode, the provider and the MID of a channel never change';
END $$;
CREATE TRIGGER channels_fixed BEFORE UPDATE ON channels FOR EACH ROW
    WHEN ((OLD.is_sandbox, OLD.provider, OLD.pg_merchant_id)
          IS DISTINCT FROM (NEW.is_sandbox, NEW.provider, NEW.pg_merchant_id))
    EXECUTE FUNCTION refuse_channel_change();


-- Billing keys ---------------------------------------------------------------------------------

-- One row for each stored right to charge a card, also after it was replaced or deleted.
CREATE TABLE billing_keys (
    merchant_id       bigint      NOT NULL REFERENCES merchants,
    billing_key_id    text        NOT NULL,
    customer_uid      text        NOT NULL CHECK (length(customer_uid) BETWEEN 1 AND 80),
    channel_id        bigint      NOT NULL,
    -- Stored until the PG has confirmed the deletion, because the deletion request contains the key.
    sealed_key        bytea       NOT NULL,
    status            text        NOT NULL CHECK (status IN ('active', 'replaced', 'deleted')),
    card_brand        text,
    card_name         text,
    card_issuer_code  text,
    card_number       text,
    card_kind         text        CHECK (card_kind IN ('credit', 'check', 'gift')),
    order_name        text,
    customer_id       text,
    customer_name     text,
    customer_tel      text,
    customer_email    text,
    customer_addr     text,
    customer_postcode text,
    issued_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    -- A replaced or deleted key can still be charged at the PG until the PG confirms its deletion.
    -- The worker sends deletion requests until then, for a replaced key after replaced_key_days.
    next_deletion_at  timestamptz,
    deletion_attempts integer     NOT NULL DEFAULT 0,
    pg_deleted_at     timestamptz,
    -- Why the worker gave up and an operator has to act.
    manual_review_reason text,
    -- Another active key of this MID with the same value: a PG may issue one key twice for a card.
    -- sealed_key is empty then, because only the deletion of the active key may reach the PG.
    shared_with       text,
    PRIMARY KEY (merchant_id, billing_key_id),
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels
);
CREATE UNIQUE INDEX billing_keys_one_active ON billing_keys (merchant_id, customer_uid) WHERE status = 'active';
CREATE INDEX billing_keys_to_delete ON billing_keys (next_deletion_at) WHERE next_deletion_at IS NOT NULL;
-- Alerts: keys whose deletion needs an operator. Few, so the index is small.
CREATE INDEX billing_keys_failing_deletions ON billing_keys (merchant_id)
    WHERE pg_deleted_at IS NULL
      AND (manual_review_reason IS NOT NULL
           OR (next_deletion_at IS NOT NULL AND deletion_attempts >= 6));
CREATE INDEX billing_keys_active_by_card ON billing_keys (card_number) WHERE status = 'active';
CREATE INDEX billing_keys_of_customer ON billing_keys (merchant_id, customer_uid);
CREATE INDEX billing_keys_list ON billing_keys (merchant_id, issued_at DESC, billing_key_id DESC);
CREATE INDEX billing_keys_by_digits
    ON billing_keys (merchant_id, right(card_number, 4), issued_at DESC, billing_key_id DESC);
CREATE INDEX billing_keys_by_name
    ON billing_keys (merchant_id, customer_name, issued_at DESC, billing_key_id DESC)
    WHERE status = 'active';


-- Payments -------------------------------------------------------------------------------------

-- An imp_uid after its prefix: 12 digits of milliseconds since 2020, then 8 random ones. A sequence
-- would give a number twice after a restored backup.
CREATE FUNCTION new_imp_uid_number() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT lpad(floor(extract(epoch FROM clock_timestamp() - timestamptz '2020-01-01 00:00Z') * 1000)::text,
                12, '0')
        || lpad(floor(random() * 100000000)::text, 8, '0')
$$;

-- The name of an order's requests at the PG, without the ordinal (M10). The same order has the same
-- name after any loss of memory, so the PG refuses a repeated request and answers a lookup.
CREATE FUNCTION order_request_name(
    in_prefix text, in_installation_id uuid, in_merchant_id bigint, in_merchant_uid text
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT in_prefix || '-' || left(encode(sha256(convert_to(
        in_installation_id::text || '/' || in_merchant_id::text || '/' || in_merchant_uid, 'UTF8')), 'hex'), 24)
$$;

-- One row for each payment or card registration: the present state of one order.
-- Payments, attempts and windows have no foreign key to merchants: their channel, payment or
-- billing key has one. Such a check would lock the one merchant row that all its charges share.
CREATE TABLE payments (
    merchant_id        bigint      NOT NULL,
    imp_uid            text        NOT NULL,
    merchant_uid       text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 255),
    -- 'key_issue' records a card registration: the payer saw its amount, the PG never approved it.
    purpose            text        NOT NULL CHECK (purpose IN ('payment', 'key_issue')),
    status             text        NOT NULL CHECK (status IN
                                   ('ready', 'pending', 'paid', 'partly_cancelled', 'cancelled', 'failed')),
    amount_krw         bigint      NOT NULL CHECK (amount_krw >= 0),
    cancelled_krw      bigint      NOT NULL DEFAULT 0 CHECK (cancelled_krw BETWEEN 0 AND amount_krw),
    tax_free_krw       bigint      CHECK (tax_free_krw BETWEEN 0 AND amount_krw),
    -- M8 holds in each part: no more of the taxed or the tax-free amount is given back than was paid.
    cancelled_tax_free_krw bigint  NOT NULL DEFAULT 0
                                   CHECK (cancelled_tax_free_krw BETWEEN 0 AND coalesce(tax_free_krw, 0)),
    source             text        NOT NULL CHECK (source IN ('pc', 'mobile', 'api')),
    is_scheduled       boolean     NOT NULL DEFAULT false,
    channel_id         bigint      NOT NULL,
    name               text        NOT NULL,
    buyer_name         text,
    buyer_email        text,
    buyer_tel          text,
    buyer_addr         text,
    buyer_postcode     text,
    customer_uid       text,
    custom_data        text,
    notice_urls        text[]      NOT NULL DEFAULT '{}',
    user_agent         text,
    pg_tid             text,
    approval_no        text,
    card_brand         text,
    card_name          text,
    card_issuer_code   text,
    card_number        text,
    card_kind          text        CHECK (card_kind IN ('credit', 'check', 'gift')),
    card_quota         integer     NOT NULL DEFAULT 0,
    can_cancel_in_part boolean,
    receipt_url        text,
    fail_code          text,
    fail_reason        text,
    started_at         timestamptz NOT NULL,
    paid_at            timestamptz,
    failed_at          timestamptz,
    cancelled_at       timestamptz,
    updated_at         timestamptz NOT NULL,
    version            integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, imp_uid),
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels,
    CHECK (status NOT IN ('paid', 'partly_cancelled', 'cancelled') OR paid_at IS NOT NULL),
    CHECK (cancelled_krw - cancelled_tax_free_krw <= amount_krw - coalesce(tax_free_krw, 0))
);
-- M1: a payment takes its order before an approval request can leave. Only a failed payment releases
-- it, and an unknown outcome is not a failure. An open window ('ready') does not take the order,
-- because the payer may abandon it.
CREATE UNIQUE INDEX payments_order_once ON payments (merchant_id, merchant_uid)
    WHERE purpose = 'payment' AND status IN ('pending', 'paid', 'partly_cancelled', 'cancelled');
CREATE UNIQUE INDEX payments_key_issue_once ON payments (merchant_id, merchant_uid)
    WHERE purpose = 'key_issue' AND status IN ('pending', 'paid');
CREATE INDEX payments_by_order ON payments (merchant_id, merchant_uid, started_at DESC);
CREATE INDEX payments_ready ON payments (started_at) WHERE status = 'ready';
CREATE INDEX payments_by_start ON payments (merchant_id, started_at DESC);
CREATE INDEX payments_by_paid ON payments (merchant_id, paid_at DESC) WHERE paid_at IS NOT NULL;
CREATE INDEX payments_by_failed ON payments (merchant_id, failed_at DESC) WHERE failed_at IS NOT NULL;
CREATE INDEX payments_by_cancelled ON payments (merchant_id, cancelled_at DESC)
    WHERE cancelled_at IS NOT NULL;
CREATE INDEX payments_by_customer ON payments (merchant_id, customer_uid, started_at DESC)
    WHERE customer_uid IS NOT NULL;
-- The console pages by (started_at, imp_uid). Rare statuses and amounts need indexes in that order.
CREATE INDEX payments_list_by_rare_status ON payments (merchant_id, status, started_at DESC, imp_uid DESC)
    WHERE status <> 'paid';
CREATE INDEX payments_list_by_amount ON payments (merchant_id, amount_krw, started_at DESC, imp_uid DESC);

-- The console finds an order name by its beginning, each name in the order of the list.
CREATE INDEX payments_list_by_name
    ON payments (merchant_id, (lower(name) COLLATE "C"), started_at DESC, imp_uid DESC);

-- The search terms of a payment, each prefixed with its merchant so that one index serves all. A
-- tsvector finds the beginning of a term as well. The terms of a buyer's name are the name, its
-- words, and a Korean name without the family name. A telephone number is found by its end.
-- PostgreSQL inlines a single expression; a query in here would run for every payment written.
CREATE FUNCTION payment_search_terms(
    in_merchant_id bigint, in_pg_tid text, in_approval_no text, in_card_number text,
    in_buyer_name text, in_buyer_email text, in_buyer_tel text
) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(array_remove(ARRAY[
        in_merchant_id::text || ' ' || nullif(in_pg_tid, ''),
        in_merchant_id::text || ' ' || nullif(in_approval_no, ''),
        in_merchant_id::text || ' ' || nullif(right(in_card_number, 4), ''),
        in_merchant_id::text || ' ' || left(nullif(lower(in_buyer_name), ''), 200),
        in_merchant_id::text || ' ' || substring(in_buyer_name FROM '^[가-힣]([가-힣]{2,3})$'),
        in_merchant_id::text || ' ' || left(nullif(lower(in_buyer_email), ''), 200),
        in_merchant_id::text || ' ' || left(nullif(regexp_replace(in_buyer_tel, '[^0-9]', '', 'g'), ''), 200),
        in_merchant_id::text || ' ' || nullif(right(regexp_replace(in_buyer_tel, '[^0-9]', '', 'g'), 8), ''),
        in_merchant_id::text || ' ' || nullif(right(regexp_replace(in_buyer_tel, '[^0-9]', '', 'g'), 4), '')
    ] || string_to_array(
        in_merchant_id::text || ' ' || replace(left(nullif(lower(in_buyer_name), ''), 200), ' ',
            E'\x1f' || in_merchant_id::text || ' '), E'\x1f'), NULL))
$$;
-- GIN collects new terms in a pending list. Every search reads the whole list, and the charge that
-- fills it merges it into the index. With the default of 4 MB a search took 30 ms and on a busy disk
-- that charge took seconds. With 64 kB a search takes 1 ms and the merge 0.1 s.
CREATE INDEX payments_search_terms ON payments USING gin (payment_search_terms(
    merchant_id, pg_tid, approval_no, card_number, buyer_name, buyer_email, buyer_tel))
    WITH (gin_pending_list_limit = 64);

-- One row for each request to the PG.
CREATE TABLE pg_attempts (
    merchant_id     bigint      NOT NULL,
    -- The PG's idempotency key of this request, derived from the order and used once (M10).
    attempt_id      text        NOT NULL,
    imp_uid         text,
    billing_key_id  text,
    kind            text        NOT NULL CHECK (kind IN
                                ('approve', 'issue_key', 'charge', 'cancel', 'delete_key')),
    channel_id      bigint      NOT NULL,
    pg_merchant_id         text        NOT NULL,
    pg_order_id   text,
    business_date   date        NOT NULL,
    amount_krw      bigint      NOT NULL CHECK (amount_krw >= 0),
    -- For a cancel: the amount that remains before it, and the merchant's reason.
    remain_krw      bigint      CONSTRAINT pg_attempts_check1 CHECK (remain_krw >= amount_krw),
    -- For a cancel of a payment with a tax-free part: that part of the cancelled amount.
    tax_free_krw    bigint      CONSTRAINT pg_attempts_tax_free_check CHECK (tax_free_krw BETWEEN 0 AND amount_krw),
    reason          text,
    idempotency_key text,
    -- The `X-Request-Id` of the request that sent it, or the id of the worker's task.
    request_id      text,
    -- A cancel that dasi sends for an approval that no client knows of. The merchant never had it in
    -- its books.
    is_reversal     boolean     NOT NULL DEFAULT false,
    -- Whether a confirmed cancel sends a webhook. Iamport clients decide this for each cancel.
    notify_merchant boolean     NOT NULL DEFAULT false,
    -- The customer was removed while this key registration was in doubt. If the PG did issue the key,
    -- the worker deletes it there and the customer never gets it.
    discard_key     boolean     NOT NULL DEFAULT false,
    state           text        NOT NULL CHECK (state IN
                                ('sending', 'approved', 'declined', 'unknown', 'not_sent')),
    -- The PG refused the day of this request, so nothing moved. Another attempt with the other day
    -- took its place; that one decides.
    is_replaced     boolean     NOT NULL DEFAULT false
                                CONSTRAINT pg_attempts_replaced_check CHECK (NOT is_replaced OR state = 'declined'),
    detail          text,
    pg_code         text,
    pg_text         text,
    pg_tid          text,
    receipt_url     text,
    -- JSON, one message and its answer per entry: first this request, then the lookup that resolved
    -- it. Keys, card numbers and personal data are masked.
    exchanges       text[]      NOT NULL DEFAULT '{}',
    sent_at         timestamptz NOT NULL,
    -- How far a test merchant's clock was moved since sent_at. sent_at stays the real moment, and an
    -- attempt in doubt still ages with its merchant's clock.
    clock_offset_s  bigint      NOT NULL DEFAULT 0,
    answered_at     timestamptz,
    -- Written together with the request: if the process dies, another one knows when to look up the
    -- outcome first (M5). NULL: no lookup is needed.
    next_lookup_at  timestamptz,
    lookups         integer     NOT NULL DEFAULT 0,
    leased_until    timestamptz,
    -- When an operator has to take over, and when that happened.
    deadline_at     timestamptz,
    escalated_at    timestamptz,
    PRIMARY KEY (merchant_id, attempt_id),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    FOREIGN KEY (merchant_id, billing_key_id) REFERENCES billing_keys,
    CONSTRAINT pg_attempts_check CHECK (num_nonnulls(imp_uid, billing_key_id) >= 1)
);
-- M1: a payment has one approval, key issue or charge at a time, and at most one success.
CREATE UNIQUE INDEX pg_attempts_one_approval ON pg_attempts (merchant_id, imp_uid)
    WHERE kind IN ('approve', 'issue_key', 'charge') AND state <> 'not_sent' AND NOT is_replaced;
-- M8: a payment has one open cancel at a time, because the PG checks each against the remaining amount.
CREATE UNIQUE INDEX pg_attempts_one_cancel ON pg_attempts (merchant_id, imp_uid)
    WHERE kind = 'cancel' AND state IN ('sending', 'unknown');
CREATE INDEX pg_attempts_of_payment ON pg_attempts (merchant_id, imp_uid, sent_at);
-- Open attempts are few: one index serves the worker's lookups and the operators' lists. An attempt
-- that failed is looked up as well if the PG or a late answer contradicts it (M6).
CREATE INDEX pg_attempts_open ON pg_attempts (next_lookup_at)
    WHERE state IN ('sending', 'unknown') OR next_lookup_at IS NOT NULL;
CREATE INDEX pg_attempts_escalated ON pg_attempts (merchant_id, escalated_at)
    WHERE escalated_at IS NOT NULL AND state IN ('sending', 'unknown');
CREATE INDEX pg_attempts_by_shop_order ON pg_attempts (pg_order_id, pg_merchant_id);
CREATE INDEX pg_attempts_by_idempotency_key ON pg_attempts (merchant_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE SEQUENCE payment_event_position;
-- One row for each change of a payment. Append-only. `mac` is a keyed hash that the gateway computes
-- (`ledger/payment_event.py`); its key never reaches the database. ledger_seals chains the rows.
CREATE TABLE payment_events (
    merchant_id    bigint      NOT NULL,
    imp_uid        text        NOT NULL,
    seq            integer     NOT NULL CHECK (seq >= 1),
    -- The order in which events are sealed. A transaction has its id before it draws a position, so
    -- the sealer can tell when no lower position can still appear (`ledger_proof/seal_store.py`).
    position       bigint      NOT NULL DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL
                                                     THEN nextval('payment_event_position') END,
    created_at     timestamptz NOT NULL,
    type           text        NOT NULL,
    status         text        NOT NULL,
    actor          text        NOT NULL,
    detail         text,
    attempt_id     text,
    pg_code        text,
    pg_text        text,
    -- What the event states of its payment: `dasi ledger verify` compares the rows with it.
    merchant_uid   text        NOT NULL,
    amount_krw     bigint      NOT NULL,
    pg_tid         text,
    buyer_digest   bytea,
    details_digest bytea,
    mac            bytea       NOT NULL,
    PRIMARY KEY (merchant_id, imp_uid, seq),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments
);
CREATE UNIQUE INDEX payment_events_by_position ON payment_events (position);
CREATE TRIGGER payment_events_append_only BEFORE UPDATE OR DELETE ON payment_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Appends one event. The caller holds the lock of the payment's row, so the numbers cannot fork.
-- in_attempt_id: the name of an attempt that the same statement drew.
CREATE FUNCTION record_payment_event(in_event json, in_attempt_id text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payment_events (merchant_id, imp_uid, seq, created_at, type, status, actor, detail,
                                attempt_id, pg_code, pg_text, merchant_uid, amount_krw, pg_tid,
                                buyer_digest, details_digest, mac)
    SELECT e.merchant_id, e.imp_uid,
           1 + coalesce((SELECT max(seq) FROM payment_events earlier
                         WHERE earlier.merchant_id = e.merchant_id AND earlier.imp_uid = e.imp_uid), 0),
           e.created_at, e.type, e.status, e.actor, e.detail,
           coalesce(in_attempt_id, e.attempt_id), e.pg_code, e.pg_text,
           e.merchant_uid, e.amount_krw, e.pg_tid, decode(e.buyer_digest, 'base64'),
           decode(e.details_digest, 'base64'), decode(e.mac, 'base64')
    FROM json_to_record(in_event) AS e (
        merchant_id bigint, imp_uid text, created_at timestamptz, type text, status text, actor text,
        detail text, attempt_id text, pg_code text, pg_text text, merchant_uid text,
        amount_krw bigint, pg_tid text, buyer_digest text, details_digest text, mac text);
END $$;

-- One row for each batch of events and audit entries that the worker sealed. Append-only. `mac` is a
-- keyed hash of the row and of the mac before it, so a seal proves all earlier ones.
CREATE TABLE ledger_seals (
    seal_number  bigint      PRIMARY KEY,
    created_at   timestamptz NOT NULL,
    -- The last position of payment_events and of audit_log that this seal and those before it cover.
    events_until bigint      NOT NULL,
    audit_until  bigint      NOT NULL,
    -- The rows of this batch: which they are, and a keyed hash of each.
    entries      bytea       NOT NULL,
    mac          bytea       NOT NULL
);
-- Keyed hashes do not compress.
ALTER TABLE ledger_seals ALTER COLUMN entries SET STORAGE EXTERNAL;
CREATE TRIGGER ledger_seals_append_only BEFORE UPDATE OR DELETE ON ledger_seals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One row for each MAC key whose sealing key was replaced: earlier events still need it.
CREATE TABLE ledger_mac_keys (
    key_id     text        PRIMARY KEY,
    sealed_key bytea       NOT NULL,
    created_at timestamptz NOT NULL
);


-- Counts of payments ---------------------------------------------------------------------------

-- One row for each span of time: how many payments began in it (or were paid, failed, cancelled).
-- Lists add these up for their totals. Each payment is in one row of 10 minutes and in one row of
-- its day. Rows cover the time before payment_counts_watermark.counted_until.
-- 'started' counts all payments. The others count the payments that still have the status of that
-- moment.
CREATE TABLE payment_counts (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    is_sandbox   boolean     NOT NULL,
    field        text        NOT NULL CHECK (field IN ('started', 'paid', 'failed', 'cancelled')),
    bucket       interval    NOT NULL CHECK (bucket IN ('10 minutes', '1 day')),
    bucket_start timestamptz NOT NULL,
    payments     bigint      NOT NULL,
    PRIMARY KEY (merchant_id, field, bucket, bucket_start, is_sandbox) INCLUDE (payments)
);

-- The only row: the time that the worker has counted up to. It begins with all of the past and
-- counts a day at a time. Totals are exact from the start, but slow until it has caught up.
CREATE TABLE payment_counts_watermark (
    is_only       boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    counted_until timestamptz NOT NULL
);
INSERT INTO payment_counts_watermark (counted_until) VALUES ('-infinity');

-- One row for each correction to a time that may be counted already: a cancel of an earlier payment
-- or an approval that was found late. A normal charge happens now and writes nothing here.
CREATE TABLE payment_count_deltas (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    delta_id    bigint      GENERATED ALWAYS AS IDENTITY,
    is_sandbox  boolean     NOT NULL,
    field       text        NOT NULL,
    at          timestamptz NOT NULL,
    delta       integer     NOT NULL CHECK (delta IN (-1, 1)),
    PRIMARY KEY (merchant_id, delta_id)
);
CREATE INDEX payment_count_deltas_by_field ON payment_count_deltas (merchant_id, field, at);

-- The worker counts only moments that are at least 20 s old (`reporting/counts.py`), so a
-- change that is younger than 10 s needs no correction.
CREATE FUNCTION record_count_delta() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payment_count_deltas (merchant_id, is_sandbox, field, at, delta)
    SELECT c.merchant_id, c.is_sandbox, one.field, one.at, one.delta
    FROM channels c CROSS JOIN (VALUES
        ('started', CASE WHEN TG_OP = 'INSERT' THEN NEW.started_at END, 1),
        ('paid', CASE WHEN NEW.status = 'paid' THEN NEW.paid_at END, 1),
        ('failed', CASE WHEN NEW.status = 'failed' THEN NEW.failed_at END, 1),
        ('cancelled', CASE WHEN NEW.status IN ('partly_cancelled', 'cancelled')
                           THEN NEW.cancelled_at END, 1),
        ('paid', CASE WHEN OLD.status = 'paid' THEN OLD.paid_at END, -1),
        ('failed', CASE WHEN OLD.status = 'failed' THEN OLD.failed_at END, -1),
        ('cancelled', CASE WHEN OLD.status IN ('partly_cancelled', 'cancelled')
                           THEN OLD.cancelled_at END, -1)
    ) AS one (field, at, delta)
    WHERE c.merchant_id = NEW.merchant_id AND c.channel_id = NEW.channel_id
      AND one.at < clock_timestamp() - interval '10 seconds';
    RETURN NULL;
END $$;
CREATE TRIGGER payments_count_delta_insert AFTER INSERT ON payments FOR EACH ROW
    WHEN (least(NEW.started_at, NEW.paid_at, NEW.failed_at, NEW.cancelled_at)
          < clock_timestamp() - interval '10 seconds')
    EXECUTE FUNCTION record_count_delta();
CREATE TRIGGER payments_count_delta_update AFTER UPDATE ON payments FOR EACH ROW
    WHEN (least(OLD.paid_at, OLD.failed_at, OLD.cancelled_at, NEW.paid_at, NEW.failed_at,
                NEW.cancelled_at) < clock_timestamp() - interval '10 seconds')
    EXECUTE FUNCTION record_count_delta();


-- Payment windows ------------------------------------------------------------------------------

-- One row for each payment window, from opening to result.
CREATE TABLE payment_windows (
    merchant_id   bigint      NOT NULL,
    -- SHA-256 of a random token. The token alone lets the payer's browser read this one result for a
    -- day, so the database does not hold it.
    window_hash   bytea       NOT NULL,
    imp_uid       text        NOT NULL,
    channel_id    bigint      NOT NULL,
    pg_order_id text        NOT NULL,
    -- 'confirming': the payer has returned and the gateway asks the merchant's confirm_url whether to
    -- approve. expires_at then ends that question, so a process that dies leaves a window that expires.
    state         text        NOT NULL CHECK (state IN
                              ('opening', 'open', 'confirming', 'returned', 'closed')),
    device        text        NOT NULL CHECK (device IN ('pc', 'mobile')),
    window_url    text,
    redirect_url  text,
    confirm_url   text        CHECK (length(confirm_url) <= 2000),
    page_origin   text,
    customer_id   text,
    -- The page passed its custom_data as a text. Otherwise the payment holds the JSON of a value.
    is_custom_data_text boolean NOT NULL DEFAULT false,
    return_code   text,
    return_text   text,
    opened_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, window_hash),
    UNIQUE (merchant_id, pg_order_id),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels
);
CREATE INDEX payment_windows_expiring ON payment_windows (expires_at)
    WHERE state IN ('opening', 'open', 'confirming');
-- The worker deletes old ones: sooner those that nobody returned from ('closed').
CREATE INDEX payment_windows_ended ON payment_windows (opened_at) WHERE state IN ('closed', 'returned');
CREATE INDEX payment_windows_of_payment ON payment_windows (merchant_id, imp_uid);

-- One row for each order that the merchant's server registered before its window opens. A page cannot
-- choose other values than these. NULL: not compared.
CREATE TABLE registered_windows (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    merchant_uid text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 255),
    amount_krw   bigint      NOT NULL CHECK (amount_krw >= 0),
    currency     text        CHECK (currency IN ('KRW')),
    -- NULL: the order is a payment. Compared always if the merchant requires registered windows.
    customer_uid text        CHECK (length(customer_uid) BETWEEN 1 AND 80),
    notice_urls  text[]      NOT NULL DEFAULT '{}',
    redirect_url text        CHECK (length(redirect_url) <= 2000),
    confirm_url  text        CHECK (length(confirm_url) <= 2000),
    -- Whether the page of a live merchant may pay this order in a test window.
    allows_sandbox boolean   NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, merchant_uid)
);


-- Schedules ------------------------------------------------------------------------------------

-- One row for each scheduled payment.
CREATE TABLE schedules (
    merchant_id    bigint      NOT NULL REFERENCES merchants,
    schedule_id    text        NOT NULL,
    merchant_uid   text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 255),
    customer_uid   text        NOT NULL CHECK (length(customer_uid) BETWEEN 1 AND 80),
    customer_id    text,
    -- The channel of the customer's key when the payment was scheduled. Its mode is the schedule's
    -- mode: a key of the other mode is not charged.
    channel_id     bigint      NOT NULL,
    -- 'running': a worker has claimed it. Only the order's payment shows whether it was charged.
    status         text        NOT NULL CHECK (status IN ('scheduled', 'running', 'executed', 'revoked')),
    -- The merchant's time, on the merchant's clock. due_at is the same moment on the machine's clock.
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
    -- The payment of the newest run; that payment holds the outcome.
    imp_uid        text,
    runs           integer     NOT NULL DEFAULT 0,
    retries        integer     NOT NULL DEFAULT 0,
    -- The charge may have been declined, and the merchant's retry_days are not empty.
    awaits_retry   boolean     NOT NULL DEFAULT false,
    leased_until   timestamptz,
    created_at     timestamptz NOT NULL,
    started_at     timestamptz,
    executed_at    timestamptz,
    revoked_at     timestamptz,
    updated_at     timestamptz NOT NULL,
    version        integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, schedule_id),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels,
    CHECK (status <> 'executed' OR (imp_uid IS NOT NULL AND executed_at IS NOT NULL)),
    CHECK (status <> 'revoked' OR revoked_at IS NOT NULL)
);
-- An order has one schedule. A revoked schedule makes room for another.
CREATE UNIQUE INDEX schedules_order_once ON schedules (merchant_id, merchant_uid)
    WHERE status <> 'revoked';
CREATE INDEX schedules_by_order ON schedules (merchant_id, merchant_uid, created_at DESC);
CREATE INDEX schedules_due ON schedules (due_at, schedule_id)
    WHERE status IN ('scheduled', 'running');
CREATE INDEX schedules_by_time ON schedules (merchant_id, schedule_at);
CREATE INDEX schedules_by_key ON schedules (merchant_id, customer_uid, schedule_at);
CREATE INDEX schedules_awaiting_retry ON schedules (executed_at) WHERE awaits_retry;
CREATE INDEX schedules_started ON schedules (started_at) WHERE started_at IS NOT NULL;

-- One row for each merchant whose schedules must not run. merchant_id 0 pauses the schedules of all
-- merchants.
CREATE TABLE schedule_pauses (
    merchant_id bigint      PRIMARY KEY,
    paused_at   timestamptz NOT NULL,
    reason      text        NOT NULL
);

-- One row for each test charge of a new card that must be cancelled again. A row is committed
-- before its charge, so any worker can finish the cancel. It is deleted when the PG holds nothing
-- of the charge any more.
CREATE TABLE card_verifications (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    merchant_uid text        NOT NULL,
    -- NULL: the worker gave up and has reported it to the operator.
    next_lookup_at timestamptz,
    lookups      integer     NOT NULL DEFAULT 0,
    began_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, merchant_uid)
);
CREATE INDEX card_verifications_due ON card_verifications (next_lookup_at) WHERE next_lookup_at IS NOT NULL;


-- Webhooks -------------------------------------------------------------------------------------

-- One row for each event, written in the transaction of the change that it reports.
CREATE TABLE webhook_events (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    event_id    text        NOT NULL,
    position    bigint      GENERATED ALWAYS AS IDENTITY,
    -- The cursor of the event feed, assigned after the commit and for one merchant at a time.
    -- `position` is assigned before the commit: a later one can become visible earlier.
    sequence     bigint,
    resource_id text        NOT NULL,
    -- The channel of the object. NULL: the event goes to webhook_url, never to test_webhook_url.
    channel_id  bigint,
    version     integer     NOT NULL,
    kind        text        NOT NULL,
    body        jsonb       NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, event_id)
);
CREATE SEQUENCE webhook_event_sequence;
CREATE UNIQUE INDEX webhook_events_by_sequence ON webhook_events (merchant_id, sequence)
    WHERE sequence IS NOT NULL;
CREATE INDEX webhook_events_unnumbered ON webhook_events (merchant_id, position)
    WHERE sequence IS NULL;
CREATE INDEX webhook_events_by_resource ON webhook_events (merchant_id, resource_id, version);

-- One row for each named consumer of the feed: how far it has read.
CREATE TABLE feed_consumers (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    consumer    text        NOT NULL CHECK (length(consumer) BETWEEN 1 AND 40),
    sequence     bigint      NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, consumer)
);

-- One row for each URL that an event goes to.
CREATE TABLE deliveries (
    merchant_id  bigint      NOT NULL,
    delivery_id  text        NOT NULL,
    event_id     text        NOT NULL,
    resource_id  text        NOT NULL,
    version      integer     NOT NULL,
    url          text        NOT NULL,
    content_type text        NOT NULL CHECK (content_type IN ('json', 'form')),
    state        text        NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     integer     NOT NULL DEFAULT 0,
    -- Attempts of the current cycle. A resend begins a new cycle.
    cycle_attempts integer     NOT NULL DEFAULT 0,
    -- 'infinity' while its endpoint is paused or disabled.
    next_attempt_at  timestamptz NOT NULL,
    leased_until timestamptz,
    last_answer  text,
    -- When the endpoint first answered with its own error (a 4xx). Later events of this payment no
    -- longer wait for this delivery: the endpoint had it in its turn.
    responded_at     timestamptz,
    created_at   timestamptz NOT NULL,
    done_at      timestamptz,
    PRIMARY KEY (merchant_id, delivery_id),
    FOREIGN KEY (merchant_id, event_id) REFERENCES webhook_events
);
CREATE INDEX deliveries_pending ON deliveries (next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_in_order ON deliveries (merchant_id, resource_id, url, version)
    WHERE state = 'pending';
CREATE INDEX deliveries_of_event ON deliveries (merchant_id, event_id);
CREATE INDEX deliveries_by_time ON deliveries (merchant_id, created_at);

-- One row for each POST of a delivery.
CREATE TABLE delivery_attempts (
    merchant_id  bigint      NOT NULL,
    delivery_id  text        NOT NULL,
    number       integer     NOT NULL,
    at           timestamptz NOT NULL,
    took_ms      integer     NOT NULL,
    url          text        NOT NULL,
    request      text        NOT NULL,
    http_status  integer,
    answer       text        NOT NULL,
    next_attempt_at  timestamptz,
    PRIMARY KEY (merchant_id, delivery_id, number),
    FOREIGN KEY (merchant_id, delivery_id) REFERENCES deliveries
);

-- One row for each URL that fails or is paused. The row of a failing URL is deleted when it answers
-- again.
CREATE TABLE webhook_endpoints (
    merchant_id   bigint      NOT NULL REFERENCES merchants,
    url           text        NOT NULL,
    failures      integer     NOT NULL,
    failing_since timestamptz NOT NULL,
    -- Set after many failures in a row: nothing is sent before.
    backoff_until timestamptz,
    -- The URL answered 410: deliveries wait until a user resumes them.
    disabled_at       timestamptz,
    -- A user paused the deliveries: none is sent and no attempt is used up until a user resumes them.
    paused_at       timestamptz,
    PRIMARY KEY (merchant_id, url)
);

-- One row for each signing secret, also for a replaced one while it still signs.
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


-- Notifications from PGs -----------------------------------------------------------------------

-- One row for each notification of a PG. The gateway stores a notification and acknowledges it
-- before it processes it. Only the processing finds the merchant, so the provider and its own id
-- form the key.
CREATE TABLE pg_notifications (
    provider    text        NOT NULL,
    notification_id   text        NOT NULL,
    -- What it claims. A payer knows the number of an order, so an order has a bounded number of rows.
    pg_order_id text,
    sealed_body bytea       NOT NULL,
    source      text        NOT NULL,
    times       integer     NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    outcome     text,
    PRIMARY KEY (provider, notification_id)
);
-- Anybody can post notifications of unknown orders, so only the newest of them are kept.
CREATE INDEX pg_notifications_unknown ON pg_notifications (provider, last_at)
    WHERE outcome = 'unknown_order';
CREATE INDEX pg_notifications_by_time ON pg_notifications (first_at);
CREATE INDEX pg_notifications_of_order ON pg_notifications (pg_order_id, provider);


-- Idempotency ----------------------------------------------------------------------------------

-- One row for each request with an idempotency key, and its response.
CREATE TABLE idempotent_requests (
    merchant_id     bigint      NOT NULL REFERENCES merchants,
    idempotency_key text        NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 256),
    -- A hash of each field. They name the fields that differ and cannot leak a value.
    fingerprint     jsonb       NOT NULL,
    started_at      timestamptz NOT NULL,
    answered_at     timestamptz,
    http_status     integer,
    sealed_response bytea,
    PRIMARY KEY (merchant_id, idempotency_key)
);
-- The worker forgets old responses. A key without one is not in this index.
CREATE INDEX idempotent_requests_answered ON idempotent_requests (started_at)
    WHERE answered_at IS NOT NULL;


-- Users of the console -------------------------------------------------------------------------

-- One row for each user of the console. Users belong to the installation. Their memberships decide
-- which merchants they see.
CREATE TABLE users (
    user_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email             text        NOT NULL UNIQUE
                                  CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name              text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash     text        NOT NULL,
    -- An owner sees every merchant and may add more.
    is_owner          boolean     NOT NULL,
    sealed_totp       bytea,
    totp_confirmed_at timestamptz,
    -- The time step of the newest code that was used: each code signs in once.
    totp_step         bigint      NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL,
    disabled_at       timestamptz
);

-- One row for each role of a user at a merchant.
CREATE TABLE memberships (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    user_id   bigint      NOT NULL REFERENCES users,
    role        text        NOT NULL CHECK (role IN ('admin', 'operator', 'developer', 'read_only')),
    added_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id);

-- One row for each merchant that chose the roles that need a second factor. Users with such a role
-- see the merchant only after they set one up. A merchant without a row has the default: owners and
-- admins, once it has a live channel or the gateway is reached from other machines.
CREATE TABLE mfa_policies (
    merchant_id bigint PRIMARY KEY REFERENCES merchants,
    roles       text[] NOT NULL
                CHECK (roles <@ ARRAY['owner', 'admin', 'operator', 'developer', 'read_only'])
);

-- One row for each link that lets a user in once. Only their hash is stored.
CREATE TABLE user_links (
    link_hash   bytea       PRIMARY KEY,
    -- Names an invitation in lists; the hash of its secret would be too much to show.
    link_id     bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Both resets set a new password. 'reset' also removes the second factor; 'reset_password'
    -- keeps it.
    purpose     text        NOT NULL CHECK (purpose IN
                            ('bootstrap', 'invitation', 'reset', 'reset_password')),
    email       text,
    merchant_id bigint      REFERENCES merchants,
    role        text        CHECK (role IN ('admin', 'operator', 'developer', 'read_only')),
    made_by     text        NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CHECK (CASE purpose WHEN 'invitation' THEN num_nonnulls(email, merchant_id, role) = 3
                        WHEN 'bootstrap' THEN true
                        ELSE email IS NOT NULL END)
);

-- One row for each session of a user in the console.
CREATE TABLE user_sessions (
    session_hash bytea       PRIMARY KEY,
    user_id    bigint      NOT NULL REFERENCES users,
    form_token   text        NOT NULL,
    -- False between the password and the second factor: the session then opens only that page.
    is_complete  boolean     NOT NULL,
    -- The last proof of identity. Sensitive operations need a recent one.
    verified_at  timestamptz NOT NULL,
    address      text        NOT NULL,
    user_agent   text        NOT NULL,
    started_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX user_sessions_of_user ON user_sessions (user_id);

-- One row for each passkey of a user.
CREATE TABLE passkeys (
    passkey_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint      NOT NULL REFERENCES users,
    credential_id bytea       NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    bytea       NOT NULL,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    -- The authenticator's last counter. Many authenticators do not count and always send 0.
    sign_count    bigint      NOT NULL,
    added_at      timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- One row for each challenge that a browser has to sign. A session has at most one, for one use.
CREATE TABLE passkey_challenges (
    session_hash bytea       PRIMARY KEY REFERENCES user_sessions ON DELETE CASCADE,
    purpose      text        NOT NULL CHECK (purpose IN ('add', 'sign_in')),
    challenge    bytea       NOT NULL,
    expires_at   timestamptz NOT NULL
);

-- One row for each failed authentication of a subject (an account, an address, both, an API key),
-- stored as long as it counts. A row is written before the result is known and deleted on success.
CREATE TABLE auth_failures (
    failure_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject    text        NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX auth_failures_of_subject ON auth_failures (subject, expires_at);
CREATE INDEX auth_failures_expired ON auth_failures (expires_at);

-- One row for each user who completed a sign-in on a device. Failures elsewhere do not limit it.
CREATE TABLE known_devices (
    device_hash bytea       NOT NULL,
    user_id     bigint      NOT NULL REFERENCES users,
    used_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (device_hash, user_id)
);
CREATE INDEX known_devices_of_user ON known_devices (user_id);

CREATE SEQUENCE audit_log_position;
-- One row for each action of a user. merchant_id is NULL for actions that concern no merchant, such
-- as signing in.
CREATE TABLE audit_log (
    -- As of payment_events: ledger_seals covers these rows too.
    position    bigint      PRIMARY KEY DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL
                                                     THEN nextval('audit_log_position') END,
    merchant_id bigint      REFERENCES merchants,
    created_at  timestamptz NOT NULL,
    user_id   bigint      REFERENCES users,
    email       text        NOT NULL,
    action      text        NOT NULL,
    target      text,
    detail      text,
    address     text        NOT NULL,
    user_agent  text        NOT NULL
);
CREATE INDEX audit_log_of_merchant ON audit_log (merchant_id, position DESC);
-- The page of one payment or billing key lists the users' actions on it.
CREATE INDEX audit_log_of_target ON audit_log (merchant_id, target) WHERE target IS NOT NULL;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One row for each payment list that a user saved for one merchant.
CREATE TABLE saved_filters (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    user_id   bigint      NOT NULL REFERENCES users,
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    query       text        NOT NULL CHECK (length(query) <= 500),
    saved_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, user_id, name)
);

-- How far old payments and schedules are erased, and messages to and from PGs emptied. One row for each merchant and
-- list: all rows before this place are done, so none is read again.
CREATE TABLE retention_progress (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    source       text        NOT NULL CHECK (source IN ('payments', 'schedules', 'pg_messages')),
    erased_until timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z',
    last_id      text        NOT NULL DEFAULT '',
    PRIMARY KEY (merchant_id, source)
);

-- Alerts to people -----------------------------------------------------------------------------

-- One row for each condition that an alert is due about, and each way that alerts go. It says what
-- was sent, so that several workers send it once. A row is deleted a day after its condition ended.
CREATE TABLE alerts (
    way           text        NOT NULL CHECK (way IN ('mail', 'chat')),
    kind          text        NOT NULL,
    subject       text        NOT NULL,
    merchant_code text,
    -- No personal data and no secrets.
    facts         jsonb       NOT NULL,
    path          text        NOT NULL,
    began_at      timestamptz NOT NULL,
    -- When the condition was first seen to be over.
    ended_at      timestamptz,
    -- Whether the last message said that the condition lasts.
    is_announced  boolean     NOT NULL DEFAULT false,
    sent_at       timestamptz,
    failures      integer     NOT NULL DEFAULT 0,
    -- Not before then: after a failed try, or while a worker sends.
    wait_until    timestamptz,
    PRIMARY KEY (way, kind, subject)
);

-- Sealing keys ---------------------------------------------------------------------------------

-- The only row: a text that the first process sealed. Keys that do not open it are not the keys of
-- this database.
CREATE TABLE vault_sentinel (
    is_only    boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
