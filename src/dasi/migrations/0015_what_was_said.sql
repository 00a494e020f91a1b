-- What the PG was told and what it answered, for whoever looks at a payment.

SET LOCAL lock_timeout = '5s';

-- JSON, a message and its answer each: keys, card numbers and people's data are hidden in it. The
-- first is the request itself, one more is the look that settled it. No work for rows there are.
ALTER TABLE attempts ADD COLUMN exchanges text[] NOT NULL DEFAULT '{}';
