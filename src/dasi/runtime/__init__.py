"""Run the programs: data folder, embedded PostgreSQL, processes, bootstrap."""
