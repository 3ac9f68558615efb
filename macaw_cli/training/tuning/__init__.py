"""What is tuned: the new model, its adapter, its groups of parameters."""
