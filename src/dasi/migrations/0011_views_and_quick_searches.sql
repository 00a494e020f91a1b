-- Views of a list that a person keeps; keys found quickly; a search that never waits for its index.

SET LOCAL lock_timeout = '5s';

-- A list of payments as somebody wants to see it again: their own, for one merchant.
CREATE TABLE saved_views (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    person_id   bigint      NOT NULL REFERENCES people,
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    query       text        NOT NULL CHECK (length(query) <= 500),
    saved_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, person_id, name)
);

-- What people did about one thing, for that thing's page.
CREATE INDEX audit_log_about ON audit_log (merchant_id, about) WHERE about IS NOT NULL;

-- New words wait in a list before they are sorted into the index. Each search reads all of that
-- list, and whoever fills it sorts it in. At 4 MB, the default, that was 30 ms for a search and,
-- on a busy disk, seconds for the charge that filled it; at 64 kB, 1 ms and a tenth of a second.
ALTER INDEX payments_words SET (gin_pending_list_limit = 64);

CREATE INDEX billing_keys_by_digits
    ON billing_keys (merchant_id, right(card_number, 4), issued_at DESC, billing_key_id DESC)
    WHERE status = 'live';
CREATE INDEX billing_keys_by_name
    ON billing_keys (merchant_id, customer_name, issued_at DESC, billing_key_id DESC)
    WHERE status = 'live';
