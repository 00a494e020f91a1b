"""Pages of a merchant's settings: channels, keys, schedules, webhooks."""
