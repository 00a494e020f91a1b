"""Test any server for Iamport V1: send requests and compare each answer with the contract.

This package knows the protocol from its documents only and imports nothing of the gateway.
Therefore a mistake of the gateway cannot hide in the expected answers.
"""

from dasi.conformance.try_out import Finding, try_out

__all__ = ["Finding", "try_out"]
