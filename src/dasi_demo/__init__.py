"""An example shop: a coffee subscription a merchant may copy from.

It is a stranger to the gateway. It knows the browser SDK's script tag, the REST API and the
webhook, as any merchant does, and imports nothing of the gateway. Everything is kept in memory.

    python -m dasi_demo --gateway http://127.0.0.1:8000 --merchant-code imp00000001 --api-key K
"""
