"""`dasi demo`, and the payer that it plays in the payment window."""

from dasi.demo.run_demo import run_demo

__all__ = ["run_demo"]
