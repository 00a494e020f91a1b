"""What the commands do, by kind: run something, or set something up."""
