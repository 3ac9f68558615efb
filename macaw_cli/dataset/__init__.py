"""Layer 2: captions and conversations joined with features into training shards."""
