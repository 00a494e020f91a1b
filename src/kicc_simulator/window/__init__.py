"""The payer's window."""
