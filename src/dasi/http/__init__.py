"""The parts that every HTTP interface shares: admission, the route index and the templates."""
