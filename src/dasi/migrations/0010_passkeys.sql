-- Passkeys as second factor, roles that must have one, and links that let somebody in again.

SET LOCAL lock_timeout = '5s';

CREATE TABLE passkeys (
    passkey_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id     bigint      NOT NULL REFERENCES people,
    credential_id bytea       NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    public_key    bytea       NOT NULL,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    -- What the authenticator counted last; many count nothing and say 0 always.
    sign_count    bigint      NOT NULL,
    added_at      timestamptz NOT NULL,
    used_at       timestamptz
);
CREATE INDEX passkeys_of_person ON passkeys (person_id);

-- What a browser was asked to sign: one a session, used once, gone with its session.
CREATE TABLE passkey_challenges (
    session_hash bytea       PRIMARY KEY REFERENCES person_sessions ON DELETE CASCADE,
    purpose      text        NOT NULL CHECK (purpose IN ('add', 'sign_in')),
    challenge    bytea       NOT NULL,
    expires_at   timestamptz NOT NULL
);

-- Whom a merchant lets see it only with a second factor.
CREATE TABLE second_factor_rules (
    merchant_id bigint NOT NULL REFERENCES merchants,
    role        text   NOT NULL CHECK (role IN ('owner', 'admin', 'operator', 'developer', 'read_only')),
    PRIMARY KEY (merchant_id, role)
);

-- A reset makes a new password; the plain one ends the second factor as well.
ALTER TABLE person_links
    DROP CONSTRAINT person_links_purpose_check,
    DROP CONSTRAINT person_links_check,
    ADD CONSTRAINT person_links_purpose_check
        CHECK (purpose IN ('first_run', 'invitation', 'reset', 'reset_password')),
    ADD CONSTRAINT person_links_check
        CHECK (CASE purpose WHEN 'invitation' THEN num_nonnulls(email, merchant_id, role) = 3
                            WHEN 'first_run' THEN true
                            ELSE email IS NOT NULL END);
