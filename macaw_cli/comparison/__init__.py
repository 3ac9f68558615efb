"""`macaw compare`: several bridges and injections, trained on the same shards, conversations and LLM, side by side."""
