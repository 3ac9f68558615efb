"""Extracts encoder features from media files into feature shards."""
