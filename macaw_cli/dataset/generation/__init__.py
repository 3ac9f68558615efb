"""Conversations written by an LLM behind an OpenAI-compatible API, from captions or from the media themselves."""
