-- A registration in doubt whose customer was removed meanwhile: if the PG has issued the key after all,
-- it is ended there and never becomes the customer's.
ALTER TABLE attempts ADD COLUMN is_unwanted boolean NOT NULL DEFAULT false;

-- A key out of use here whose very value is another live key of the same mall, because a PG may give
-- one card the same key again. It ends when that one does.
ALTER TABLE billing_keys ADD COLUMN lives_on_in text;
CREATE INDEX billing_keys_live_by_card ON billing_keys (card_number) WHERE status = 'live';
