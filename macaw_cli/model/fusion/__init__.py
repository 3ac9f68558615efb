"""From ids and features to what the LLM reads."""
