-- What was charged to try a card is given back by whoever is alive. The row is committed before the
-- charge and goes when nothing of it is left at the PG.
CREATE TABLE card_checks (
    merchant_id  bigint      NOT NULL REFERENCES merchants,
    merchant_uid text        NOT NULL,
    -- None: given up, and a person was told.
    next_look_at timestamptz,
    looks        integer     NOT NULL DEFAULT 0,
    began_at     timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, merchant_uid)
);
CREATE INDEX card_checks_due ON card_checks (next_look_at) WHERE next_look_at IS NOT NULL;
