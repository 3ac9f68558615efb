"""A model and held-out examples to accuracy and reliance."""
