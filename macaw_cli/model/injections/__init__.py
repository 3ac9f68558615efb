"""Media inside the LLM's layers: one small file per published design."""
