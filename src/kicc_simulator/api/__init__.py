"""KICC's HTTP API: parse, check, execute and answer a request."""
