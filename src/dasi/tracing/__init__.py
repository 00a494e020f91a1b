"""Traces for OpenTelemetry. Imported only if `DASI_TRACING` is on: it needs the extra `otel`."""

from dasi.tracing.tracing import open_tracing

__all__ = ["open_tracing"]
