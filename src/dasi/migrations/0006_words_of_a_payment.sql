-- The words of a payment as one expression: PostgreSQL writes it into the index's own instead of
-- running a query for every payment that is inserted or updated. The words are the same as before.

SET LOCAL lock_timeout = '5s';

CREATE OR REPLACE FUNCTION payment_words(
    in_merchant_id bigint, in_pg_tid text, in_approval_no text, in_card_number text,
    in_buyer_name text, in_buyer_email text, in_buyer_tel text
) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(ARRAY[
        in_merchant_id::text || ' ' || nullif(in_pg_tid, ''),
        in_merchant_id::text || ' ' || nullif(in_approval_no, ''),
        in_merchant_id::text || ' ' || nullif(right(in_card_number, 4), ''),
        in_merchant_id::text || ' ' || nullif(lower(in_buyer_name), ''),
        in_merchant_id::text || ' ' || nullif(lower(in_buyer_email), ''),
        in_merchant_id::text || ' ' || nullif(regexp_replace(in_buyer_tel, '[^0-9]', '', 'g'), '')
    ], NULL)
$$;
