"""Send a request to KICC and log it redacted."""
