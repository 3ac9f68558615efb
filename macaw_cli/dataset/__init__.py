"""Joins captions and conversations with features into training shards."""
