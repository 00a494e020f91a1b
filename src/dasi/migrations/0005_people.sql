-- People who sign in to the console, what they may see, what they did; and payments found quickly.

SET LOCAL lock_timeout = '5s';

-- People belong to the installation; which merchants they see is decided by their memberships.
CREATE TABLE people (
    person_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email             text        NOT NULL UNIQUE
                                  CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name              text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash     text        NOT NULL,
    -- An owner sees every merchant and may add more.
    is_owner          boolean     NOT NULL,
    sealed_totp       bytea,
    totp_confirmed_at timestamptz,
    -- The newest step that was used: one code opens one session.
    totp_step         bigint      NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL,
    disabled_at       timestamptz
);

CREATE TABLE memberships (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    person_id   bigint      NOT NULL REFERENCES people,
    role        text        NOT NULL CHECK (role IN ('admin', 'operator', 'developer', 'read_only')),
    added_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, person_id)
);
CREATE INDEX memberships_of_person ON memberships (person_id);

-- Links that let somebody in once. Only their hash is kept.
CREATE TABLE person_links (
    link_hash   bytea       PRIMARY KEY,
    purpose     text        NOT NULL CHECK (purpose IN ('first_run', 'invitation')),
    email       text,
    merchant_id bigint      REFERENCES merchants,
    role        text        CHECK (role IN ('admin', 'operator', 'developer', 'read_only')),
    made_by     text        NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CHECK (purpose = 'first_run' OR num_nonnulls(email, merchant_id, role) = 3)
);

CREATE TABLE person_sessions (
    session_hash bytea       PRIMARY KEY,
    person_id    bigint      NOT NULL REFERENCES people,
    form_token   text        NOT NULL,
    -- False between the password and the second factor: then it opens nothing but that page.
    is_complete  boolean     NOT NULL,
    address      text        NOT NULL,
    user_agent   text        NOT NULL,
    started_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX person_sessions_of_person ON person_sessions (person_id);

-- Failed sign-ins, by email and by address, kept as long as they count.
CREATE TABLE sign_in_tries (
    try_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text        NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_of ON sign_in_tries (subject, at);

-- Every act of a person (A3). merchant_id is null for what concerns no merchant: signing in.
CREATE TABLE audit_log (
    position    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id bigint      REFERENCES merchants,
    at          timestamptz NOT NULL,
    person_id   bigint      REFERENCES people,
    email       text        NOT NULL,
    what        text        NOT NULL,
    about       text,
    detail      text,
    address     text        NOT NULL,
    user_agent  text        NOT NULL
);
CREATE INDEX audit_log_of_merchant ON audit_log (merchant_id, position DESC);
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Lists are paged by (started_at, imp_uid): a rare status and an amount have lists of their own.
CREATE INDEX payments_list_by_rare_status ON payments (merchant_id, status, started_at DESC, imp_uid DESC)
    WHERE status <> 'paid';
CREATE INDEX payments_list_by_amount ON payments (merchant_id, amount_krw, started_at DESC, imp_uid DESC);

-- What a payment may be found by, each word with its merchant in front: one index for all of them.
CREATE FUNCTION payment_words(
    in_merchant_id bigint, in_pg_tid text, in_approval_no text, in_card_number text,
    in_buyer_name text, in_buyer_email text, in_buyer_tel text
) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(in_merchant_id::text || ' ' || word) FROM unnest(ARRAY[
        in_pg_tid, in_approval_no, right(in_card_number, 4), lower(in_buyer_name),
        lower(in_buyer_email), regexp_replace(in_buyer_tel, '[^0-9]', '', 'g')]) AS word
    WHERE word <> ''
$$;
CREATE INDEX payments_words ON payments USING gin (payment_words(
    merchant_id, pg_tid, approval_no, card_number, buyer_name, buyer_email, buyer_tel));
CREATE INDEX billing_keys_list ON billing_keys (merchant_id, issued_at DESC, billing_key_id DESC);
CREATE INDEX billing_keys_of_customer ON billing_keys (merchant_id, customer_uid);
