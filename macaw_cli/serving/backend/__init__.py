"""The LLM of another server."""
