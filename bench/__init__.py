"""Benchmarks, each beside the floor of this machine. `make bench` runs all of them."""
