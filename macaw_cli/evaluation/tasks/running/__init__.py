"""How a benchmark is asked: read, answered, reported."""
