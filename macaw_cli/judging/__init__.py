"""Generated answers of an evaluation, scored by an LLM behind an API."""
