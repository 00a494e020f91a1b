"""A local KICC: the PG's HTTP API, its window, its notices, its clock and its faults.

It is independent of the gateway: it shares only the shapes of :mod:`kicc_wire`, speaks plain HTTP,
and computes every signature, date and amount by itself. ``python -m kicc_simulator`` starts it;
``docs/reference/simulator.md`` describes its limits.
"""
