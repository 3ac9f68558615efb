"""Tar shards, manifests and indexes: write, read, verify."""
