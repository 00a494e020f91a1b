"""The control API and the console of the simulator."""
