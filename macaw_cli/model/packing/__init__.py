"""Several examples in one row: block-diagonal attention, what stands where, and a loss without all logits at once."""
