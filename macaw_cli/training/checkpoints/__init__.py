"""Checkpoints that are whole or absent, and of which the last good one survives whatever happens to the next."""
