"""Notifications that the simulated KICC sends."""
