"""Kinds of examples that can be generated: one small file per kind, listed in the registry."""
