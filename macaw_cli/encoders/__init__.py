"""Frozen encoders: which features are taken from which model."""
