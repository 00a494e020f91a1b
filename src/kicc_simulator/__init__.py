"""A local KICC: the PG's HTTP API, its window, its notices, its clock and its bad days.

A stranger to the gateway. It shares only the shapes of :mod:`kicc_wire` with it, speaks plain HTTP
and works out every signature, date and amount by itself. ``python -m kicc_simulator`` starts it;
``docs/reference/simulator.md`` tells what it imitates and what it does not.
"""
