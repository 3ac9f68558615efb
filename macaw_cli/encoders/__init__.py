"""Frozen encoders, and which of their outputs is stored."""
