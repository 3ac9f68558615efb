"""Layer 4: a model and media to a conversation."""
