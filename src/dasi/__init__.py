"""dasi: a self-hosted billing-key payment gateway for Korea.

Interfaces (`iamport`, `checkout`) speak a protocol to the outside. Domain packages (`payments`,
`billing_keys`, `channels`, `webhooks`, `merchants`) hold one concept each. Any package may use
`foundation`. See `docs/concepts/architecture.md`.
"""

__version__ = "0.1.0"
