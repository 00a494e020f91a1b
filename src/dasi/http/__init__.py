"""What every HTTP interface shares: admission and the route index."""
