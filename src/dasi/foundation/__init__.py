"""The parts that any package may use: database, clock, vault, errors, logs. No domain concept."""
