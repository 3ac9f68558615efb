"""Import of the published Macaw-LLM weights."""
