-- How many payments a list has, without counting them each time it is asked for.

SET LOCAL lock_timeout = '5s';

-- Payments by the hour of a moment, of those whose moment lies before `payments_counted.until`:
-- 'started' counts all, the others those that are what the moment is about now.
CREATE TABLE payment_counts (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    moment      text        NOT NULL CHECK (moment IN ('started', 'paid', 'failed', 'cancelled')),
    hour        timestamptz NOT NULL,
    payments    bigint      NOT NULL,
    PRIMARY KEY (merchant_id, moment, hour) INCLUDE (payments)
);

CREATE TABLE payments_counted (
    is_only boolean     PRIMARY KEY DEFAULT true CHECK (is_only),
    until   timestamptz NOT NULL
);
INSERT INTO payments_counted (until) VALUES ('-infinity');

-- What joins or leaves the past. A charge happens now and writes nothing here: these are cancels of
-- earlier payments, and approvals that were found late.
CREATE TABLE payment_count_changes (
    merchant_id bigint      NOT NULL REFERENCES merchants,
    change_id   bigint      GENERATED ALWAYS AS IDENTITY,
    moment      text        NOT NULL,
    at          timestamptz NOT NULL,
    change      integer     NOT NULL CHECK (change IN (-1, 1)),
    PRIMARY KEY (merchant_id, change_id)
);
CREATE INDEX payment_count_changes_by_moment ON payment_count_changes (merchant_id, moment, at);

-- Ten seconds: what is younger is never counted yet (see the 20 s in `count_store`).
CREATE FUNCTION note_change_of_the_past() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payment_count_changes (merchant_id, moment, at, change)
    SELECT NEW.merchant_id, one.moment, one.at, one.change
    FROM (VALUES
        ('started', CASE WHEN TG_OP = 'INSERT' THEN NEW.started_at END, 1),
        ('paid', CASE WHEN NEW.status = 'paid' THEN NEW.paid_at END, 1),
        ('failed', CASE WHEN NEW.status = 'failed' THEN NEW.failed_at END, 1),
        ('cancelled', CASE WHEN NEW.status IN ('partly_cancelled', 'cancelled')
                           THEN NEW.cancelled_at END, 1),
        ('paid', CASE WHEN OLD.status = 'paid' THEN OLD.paid_at END, -1),
        ('failed', CASE WHEN OLD.status = 'failed' THEN OLD.failed_at END, -1),
        ('cancelled', CASE WHEN OLD.status IN ('partly_cancelled', 'cancelled')
                           THEN OLD.cancelled_at END, -1)
    ) AS one (moment, at, change)
    WHERE one.at < clock_timestamp() - interval '10 seconds';
    RETURN NULL;
END $$;
CREATE TRIGGER payments_of_the_past_arrive AFTER INSERT ON payments FOR EACH ROW
    WHEN (least(NEW.started_at, NEW.paid_at, NEW.failed_at, NEW.cancelled_at)
          < clock_timestamp() - interval '10 seconds')
    EXECUTE FUNCTION note_change_of_the_past();
CREATE TRIGGER payments_of_the_past_change AFTER UPDATE ON payments FOR EACH ROW
    WHEN (least(OLD.paid_at, OLD.failed_at, OLD.cancelled_at, NEW.paid_at, NEW.failed_at,
                NEW.cancelled_at) < clock_timestamp() - interval '10 seconds')
    EXECUTE FUNCTION note_change_of_the_past();
