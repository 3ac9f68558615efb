"""Measures accuracy and reliance of a model on held-out examples."""
