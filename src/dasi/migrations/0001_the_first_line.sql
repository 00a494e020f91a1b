-- Merchants, channels, billing keys, payments, attempts, events, windows, webhooks.
--
-- Growing tables carry merchant_id first in every primary and unique key, so that they can be
-- distributed by merchant later. A foreign key inside a merchant names merchant_id too.
-- What must never happen twice is a unique index here before it is a line of code (M1).

CREATE TABLE merchants (
    merchant_id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code                 text        NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9_-]{3,40}$'),
    name                 text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    webhook_url          text        CHECK (length(webhook_url) <= 2000),
    webhook_content_type text        NOT NULL DEFAULT 'json' CHECK (webhook_content_type IN ('json', 'form')),
    created_at           timestamptz NOT NULL
);

CREATE TABLE api_keys (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    api_key     text        NOT NULL CHECK (length(api_key) BETWEEN 4 AND 100),
    -- Clients in the field spell one key in two ways: the key is compared without regard to case.
    lookup      text        GENERATED ALWAYS AS (lower(api_key)) STORED UNIQUE,
    secret_salt bytea       NOT NULL,
    secret_hash bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,
    PRIMARY KEY (merchant_id, api_key)
);

CREATE TABLE access_tokens (
    -- Asked for again before its end, the same token is given again: so it is sealed, not hashed
    -- alone. token_hash finds it; it decides which merchant calls, hence no merchant_id in front.
    token_hash  bytea       PRIMARY KEY,
    merchant_id bigint      NOT NULL,
    api_key     text        NOT NULL,
    sealed      bytea       NOT NULL,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    FOREIGN KEY (merchant_id, api_key) REFERENCES api_keys ON DELETE CASCADE
);
CREATE INDEX access_tokens_of_key ON access_tokens (merchant_id, api_key, expires_at DESC);

CREATE TABLE channels (
    merchant_id    bigint      NOT NULL REFERENCES merchants,
    channel_id     bigint      GENERATED ALWAYS AS IDENTITY,
    channel_key    text        NOT NULL UNIQUE,
    provider       text        NOT NULL CHECK (provider IN ('kicc')),
    mall_id        text        NOT NULL CHECK (mall_id ~ '^[A-Za-z0-9]{1,20}$'),
    sealed_secret  bytea       NOT NULL,
    is_sandbox     boolean     NOT NULL,
    is_default     boolean     NOT NULL,
    key_fields     text        NOT NULL DEFAULT 'full'
                               CHECK (key_fields IN ('full', 'number_expiry', 'number_expiry_birth')),
    language       text        NOT NULL DEFAULT 'ko' CHECK (language IN ('ko', 'en', 'ja', 'zh')),
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, channel_id),
    UNIQUE (merchant_id, provider, mall_id)
);
CREATE UNIQUE INDEX channels_one_default ON channels (merchant_id) WHERE is_default;

CREATE TABLE billing_keys (
    merchant_id       bigint      NOT NULL REFERENCES merchants,
    billing_key_id    text        NOT NULL,
    customer_uid      text        NOT NULL CHECK (length(customer_uid) BETWEEN 1 AND 80),
    channel_id        bigint      NOT NULL,
    -- Kept until the PG has confirmed the removal, because only the key itself can remove it.
    sealed_key        bytea       NOT NULL,
    status            text        NOT NULL CHECK (status IN ('live', 'replaced', 'removed')),
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
    PRIMARY KEY (merchant_id, billing_key_id),
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels
);
CREATE UNIQUE INDEX billing_keys_one_live ON billing_keys (merchant_id, customer_uid) WHERE status = 'live';

CREATE SEQUENCE payment_numbers START 100000000001 MAXVALUE 999999999999;

CREATE TABLE payments (
    merchant_id        bigint      NOT NULL REFERENCES merchants,
    imp_uid            text        NOT NULL,
    merchant_uid       text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 40),
    -- 'key_issue' is the record of a card registration: its amount was shown, never approved (B4).
    purpose            text        NOT NULL CHECK (purpose IN ('payment', 'key_issue')),
    status             text        NOT NULL CHECK (status IN
                                   ('ready', 'pending', 'paid', 'partly_cancelled', 'cancelled', 'failed')),
    amount_krw         bigint      NOT NULL CHECK (amount_krw >= 0),
    cancelled_krw      bigint      NOT NULL DEFAULT 0 CHECK (cancelled_krw BETWEEN 0 AND amount_krw),
    tax_free_krw       bigint      CHECK (tax_free_krw BETWEEN 0 AND amount_krw),
    entry              text        NOT NULL CHECK (entry IN ('pc', 'mobile', 'api')),
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
    CHECK (status NOT IN ('paid', 'partly_cancelled', 'cancelled') OR paid_at IS NOT NULL)
);
-- M1: from the moment an approval may have been asked for, an order is taken, and stays taken unless
-- the PG said an explicit no. A window merely opened ('ready') takes nothing: it may be abandoned.
CREATE UNIQUE INDEX payments_order_once ON payments (merchant_id, merchant_uid)
    WHERE purpose = 'payment' AND status IN ('pending', 'paid', 'partly_cancelled', 'cancelled');
CREATE UNIQUE INDEX payments_key_issue_once ON payments (merchant_id, merchant_uid)
    WHERE purpose = 'key_issue' AND status IN ('pending', 'paid');
CREATE INDEX payments_by_order ON payments (merchant_id, merchant_uid, started_at DESC);
CREATE INDEX payments_ready ON payments (started_at) WHERE status = 'ready';

CREATE TABLE attempts (
    merchant_id    bigint      NOT NULL REFERENCES merchants,
    -- The PG's idempotency key for this one request; made by us, used once.
    attempt_id     text        NOT NULL,
    imp_uid        text,
    billing_key_id text,
    kind           text        NOT NULL CHECK (kind IN ('approve', 'issue_key', 'charge', 'cancel', 'remove_key')),
    channel_id     bigint      NOT NULL,
    mall_id        text        NOT NULL,
    shop_order_no  text,
    day_kst        date        NOT NULL,
    amount_krw     bigint      NOT NULL CHECK (amount_krw >= 0),
    state          text        NOT NULL CHECK (state IN ('sending', 'approved', 'declined', 'unknown', 'not_sent')),
    why            text,
    pg_code        text,
    pg_text        text,
    pg_tid         text,
    sent_at        timestamptz NOT NULL,
    answered_at    timestamptz,
    PRIMARY KEY (merchant_id, attempt_id),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    FOREIGN KEY (merchant_id, billing_key_id) REFERENCES billing_keys,
    CHECK (num_nonnulls(imp_uid, billing_key_id) >= 1)
);
CREATE INDEX attempts_of_payment ON attempts (merchant_id, imp_uid, sent_at);
CREATE INDEX attempts_open ON attempts (sent_at) WHERE state IN ('sending', 'unknown');
-- One approval, key issue or charge at a time and at most one yes for a payment, whatever races.
CREATE UNIQUE INDEX attempts_one_approval ON attempts (merchant_id, imp_uid)
    WHERE kind IN ('approve', 'issue_key', 'charge') AND state <> 'not_sent';

CREATE TABLE payment_events (
    merchant_id bigint      NOT NULL,
    imp_uid     text        NOT NULL,
    seq         integer     NOT NULL CHECK (seq >= 1),
    at          timestamptz NOT NULL,
    what        text        NOT NULL,
    status      text        NOT NULL,
    who         text        NOT NULL,
    why         text,
    attempt_id  text,
    pg_code     text,
    pg_text     text,
    previous    bytea       NOT NULL,
    hash        bytea       NOT NULL,
    PRIMARY KEY (merchant_id, imp_uid, seq),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER payment_events_append_only BEFORE UPDATE OR DELETE ON payment_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Appends one event and chains it: hash = sha256(previous hash | canonical JSON of the event). The
-- payment's row is locked by whoever calls, so numbers and chain cannot fork.
CREATE FUNCTION record_payment_event(
    in_merchant_id bigint, in_imp_uid text, in_at timestamptz, in_what text, in_status text,
    in_who text, in_why text, in_attempt_id text, in_pg_code text, in_pg_text text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    last_seq  integer;
    last_hash bytea;
    told      text;
BEGIN
    SELECT seq, hash INTO last_seq, last_hash FROM payment_events
    WHERE merchant_id = in_merchant_id AND imp_uid = in_imp_uid ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0) + 1;
    last_hash := coalesce(last_hash, '\x'::bytea);
    told := jsonb_build_array(
        in_merchant_id, in_imp_uid, last_seq, (extract(epoch FROM in_at) * 1000000)::bigint,
        in_what, in_status, in_who, in_why, in_attempt_id, in_pg_code, in_pg_text)::text;
    INSERT INTO payment_events (merchant_id, imp_uid, seq, at, what, status, who, why, attempt_id,
                                pg_code, pg_text, previous, hash)
    VALUES (in_merchant_id, in_imp_uid, last_seq, in_at, in_what, in_status, in_who, in_why,
            in_attempt_id, in_pg_code, in_pg_text, last_hash,
            sha256(last_hash || convert_to(told, 'UTF8')));
    RETURN last_seq;
END $$;

CREATE TABLE window_orders (
    merchant_id   bigint      NOT NULL REFERENCES merchants,
    -- Random: whoever holds it may read this one result, and nothing else.
    window_token  text        NOT NULL,
    imp_uid       text        NOT NULL,
    channel_id    bigint      NOT NULL,
    shop_order_no text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('opening', 'open', 'returned', 'closed')),
    device        text        NOT NULL CHECK (device IN ('pc', 'mobile')),
    window_url    text,
    redirect_url  text,
    page_origin   text,
    customer_id   text,
    return_code   text,
    return_text   text,
    opened_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, window_token),
    UNIQUE (merchant_id, shop_order_no),
    FOREIGN KEY (merchant_id, imp_uid) REFERENCES payments,
    FOREIGN KEY (merchant_id, channel_id) REFERENCES channels
);
CREATE INDEX window_orders_expiring ON window_orders (expires_at) WHERE state IN ('opening', 'open');
CREATE INDEX window_orders_of_payment ON window_orders (merchant_id, imp_uid);

-- What became true, in the transaction that made it true (W1). `position` is the feed's cursor.
CREATE TABLE webhook_events (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    event_id    text        NOT NULL,
    position    bigint      GENERATED ALWAYS AS IDENTITY,
    imp_uid     text        NOT NULL,
    version     integer     NOT NULL,
    kind        text        NOT NULL,
    body        jsonb       NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, event_id)
);
CREATE INDEX webhook_events_feed ON webhook_events (merchant_id, position);

-- One event for one URL.
CREATE TABLE deliveries (
    merchant_id  bigint      NOT NULL,
    delivery_id  text        NOT NULL,
    event_id     text        NOT NULL,
    imp_uid      text        NOT NULL,
    version      integer     NOT NULL,
    url          text        NOT NULL,
    content_type text        NOT NULL CHECK (content_type IN ('json', 'form')),
    state        text        NOT NULL CHECK (state IN ('due', 'delivered', 'parked')),
    tries        integer     NOT NULL DEFAULT 0,
    next_try_at  timestamptz NOT NULL,
    leased_until timestamptz,
    last_answer  text,
    created_at   timestamptz NOT NULL,
    done_at      timestamptz,
    PRIMARY KEY (merchant_id, delivery_id),
    FOREIGN KEY (merchant_id, event_id) REFERENCES webhook_events
);
CREATE INDEX deliveries_due ON deliveries (next_try_at) WHERE state = 'due';
CREATE INDEX deliveries_in_order ON deliveries (merchant_id, imp_uid, url, version) WHERE state = 'due';
