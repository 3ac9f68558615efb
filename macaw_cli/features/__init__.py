"""Layer 1: media files to encoder features in feature shards."""
