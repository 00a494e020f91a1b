-- A doubt of a merchant in test mode grows old with the merchant's clock. How far it was turned
-- since is kept beside `sent_at`, which stays the moment the request left.
ALTER TABLE attempts ADD COLUMN turned_s bigint NOT NULL DEFAULT 0;
