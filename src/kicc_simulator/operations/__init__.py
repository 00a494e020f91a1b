"""What each request does at the simulated KICC."""
