"""Layer 3: training shards to a run, on DeepSpeed."""
