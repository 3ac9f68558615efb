"""Writes a model as a folder that others load; imports published checkpoints."""
