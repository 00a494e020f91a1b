-- A contract can be retired, and says up to how many months its window offers instalments; an API
-- key remembers its last use longer than its tokens live.

SET LOCAL lock_timeout = '5s';

ALTER TABLE channels
    -- Since when it opens no more windows. What was made under it goes on.
    ADD COLUMN retired_at timestamptz,
    -- 0: lump sum only. None: as the contract with the PG says.
    ADD COLUMN quota_months_max smallint CHECK (quota_months_max = 0 OR quota_months_max BETWEEN 2 AND 36),
    ADD CONSTRAINT channels_default_is_in_use CHECK (NOT (is_default AND retired_at IS NOT NULL));

ALTER TABLE api_keys
    ADD COLUMN used_at timestamptz;
UPDATE api_keys k
SET used_at = (SELECT max(t.issued_at) FROM access_tokens t
               WHERE t.merchant_id = k.merchant_id AND t.api_key = k.api_key);
