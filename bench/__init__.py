"""Benchmarks, each beside the baseline of this machine. `make bench` runs all of them."""
