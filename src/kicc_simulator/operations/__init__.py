"""The effects of each request at the simulated KICC."""
