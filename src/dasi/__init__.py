"""dasi: a self-hosted billing-key payment gateway for Korea.

Faces (`iamport`, `checkout`) speak somebody else's language, rooms (`payments`, `billing_keys`,
`channels`, `webhooks`, `merchants`) hold one concept of the trade each, `foundation` is what any
room may stand on. `docs/concepts/architecture.md` draws it.
"""

__version__ = "0.1.0"
