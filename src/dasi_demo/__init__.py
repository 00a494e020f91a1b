"""The demo merchant: a coffee subscription whose code a merchant may copy.

It knows the browser SDK's script tag, the REST API and the webhook, as any merchant does, and
imports nothing of the gateway. Everything is kept in memory.

    python -m dasi_demo --gateway http://127.0.0.1:8000 --merchant-code imp00000001 --api-key K
"""
