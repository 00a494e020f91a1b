"""The contract of Iamport V1 as questions to a server: any server that speaks it.

A stranger to the gateway on purpose: it knows the protocol from its documents only and imports
nothing of ours, so that it finds our mistakes as it finds anybody's.
"""

from dasi.conformance.try_out import Finding, try_out

__all__ = ["Finding", "try_out"]
