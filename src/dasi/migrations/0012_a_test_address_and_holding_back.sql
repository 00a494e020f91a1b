-- Events about a test channel may go to an address of their own, and a person may hold deliveries
-- to a receiver back.

SET LOCAL lock_timeout = '5s';

ALTER TABLE merchants
    -- Where events of test channels go. None: where all the others go.
    ADD COLUMN test_webhook_url text CHECK (length(test_webhook_url) <= 2000);

ALTER TABLE webhook_events
    -- Of what it happened to. None: from before this was written down; it goes where live ones go.
    ADD COLUMN channel_id bigint;

ALTER TABLE webhook_receivers
    -- A person holds deliveries back: nothing goes there, and no try is spent, until it is resumed.
    ADD COLUMN held_at timestamptz;
