"""The shapes of KICC EasyPay's HTTP API: nouns only, no behaviour.

Shared by the gateway's adapter and by the simulator. Nothing here computes: signatures, dates and
amounts are made on both sides separately, so that a mistake in one is caught by the other.
"""
