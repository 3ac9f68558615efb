"""Trains a model on training shards, with DeepSpeed."""
