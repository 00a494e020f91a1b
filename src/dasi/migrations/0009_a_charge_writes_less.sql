-- What a charge wrote for nobody is not written any more, and its events are written in its statements.

SET LOCAL lock_timeout = '5s';

-- Open attempts are few, so one index finds those to ask about and those to show.
DROP INDEX attempts_to_look;
DROP INDEX attempts_open;
CREATE INDEX attempts_open ON attempts (next_look_at) WHERE state IN ('sending', 'unknown');
-- Readers of the feed go by feed_no; who numbers it has an index of what is not numbered yet.
DROP INDEX webhook_events_feed;

-- That these have a merchant follows from their channel, payment or key, each of which has one. Each
-- of the checks locked the one row of the merchant that all of its charges share.
ALTER TABLE payments DROP CONSTRAINT payments_merchant_id_fkey;
ALTER TABLE attempts DROP CONSTRAINT attempts_merchant_id_fkey;
ALTER TABLE window_orders DROP CONSTRAINT window_orders_merchant_id_fkey;

-- hash = sha256(previous hash | canonical JSON of the event), in one place for whoever writes one.
CREATE FUNCTION payment_event_hash(
    in_previous bytea, in_merchant_id bigint, in_imp_uid text, in_seq integer, in_at timestamptz,
    in_what text, in_status text, in_who text, in_why text, in_attempt_id text, in_pg_code text,
    in_pg_text text
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(in_previous || convert_to(jsonb_build_array(
        in_merchant_id, in_imp_uid, in_seq, (extract(epoch FROM in_at) * 1000000)::bigint,
        in_what, in_status, in_who, in_why, in_attempt_id, in_pg_code, in_pg_text)::text, 'UTF8'))
$$;

CREATE OR REPLACE FUNCTION record_payment_event(
    in_merchant_id bigint, in_imp_uid text, in_at timestamptz, in_what text, in_status text,
    in_who text, in_why text, in_attempt_id text, in_pg_code text, in_pg_text text
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    last_seq  integer;
    last_hash bytea;
BEGIN
    SELECT seq, hash INTO last_seq, last_hash FROM payment_events
    WHERE merchant_id = in_merchant_id AND imp_uid = in_imp_uid ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0) + 1;
    last_hash := coalesce(last_hash, '\x'::bytea);
    INSERT INTO payment_events (merchant_id, imp_uid, seq, at, what, status, who, why, attempt_id,
                                pg_code, pg_text, previous, hash)
    VALUES (in_merchant_id, in_imp_uid, last_seq, in_at, in_what, in_status, in_who, in_why,
            in_attempt_id, in_pg_code, in_pg_text, last_hash,
            payment_event_hash(last_hash, in_merchant_id, in_imp_uid, last_seq, in_at, in_what,
                               in_status, in_who, in_why, in_attempt_id, in_pg_code, in_pg_text));
    RETURN last_seq;
END $$;
