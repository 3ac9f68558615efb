"""Layer 5: a model to a folder that others can load; import of published checkpoints."""
