"""Benchmark tasks, one file each, and what asks them."""
