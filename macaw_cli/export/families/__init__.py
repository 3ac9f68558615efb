"""Families of published checkpoints that can be imported: one file per family."""
