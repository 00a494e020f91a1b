"""Parameters, JSON schema and the OpenAPI description."""
