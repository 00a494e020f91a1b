-- Lists of payments, amounts registered before the window, the merchant's word before an approval.

SET LOCAL lock_timeout = '5s';

CREATE INDEX payments_by_start ON payments (merchant_id, started_at DESC);
CREATE INDEX payments_by_paid ON payments (merchant_id, paid_at DESC) WHERE paid_at IS NOT NULL;
CREATE INDEX payments_by_failed ON payments (merchant_id, failed_at DESC) WHERE failed_at IS NOT NULL;
CREATE INDEX payments_by_cancelled ON payments (merchant_id, cancelled_at DESC)
    WHERE cancelled_at IS NOT NULL;
CREATE INDEX payments_by_customer ON payments (merchant_id, customer_uid, started_at DESC)
    WHERE customer_uid IS NOT NULL;

-- What an order must cost when its window is asked for: a page cannot choose another amount.
CREATE TABLE prepares (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    merchant_uid text        NOT NULL CHECK (length(merchant_uid) BETWEEN 1 AND 40),
    amount_krw   bigint      NOT NULL CHECK (amount_krw >= 0),
    currency     text        CHECK (currency IN ('KRW')),
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, merchant_uid)
);

-- 'confirming': the payer is back, the window is taken, and the merchant is asked whether the PG may
-- be. Its end is then the end of that question: who dies while asking leaves a window that expires.
ALTER TABLE window_orders ADD COLUMN confirm_url text CHECK (length(confirm_url) <= 2000);
ALTER TABLE window_orders DROP CONSTRAINT window_orders_state_check;
ALTER TABLE window_orders ADD CONSTRAINT window_orders_state_check
    CHECK (state IN ('opening', 'open', 'confirming', 'returned', 'closed')) NOT VALID;
ALTER TABLE window_orders VALIDATE CONSTRAINT window_orders_state_check;
DROP INDEX window_orders_expiring;
CREATE INDEX window_orders_expiring ON window_orders (expires_at)
    WHERE state IN ('opening', 'open', 'confirming');
