"""Conversations as token ids: templates, control tokens, and where answers and media stand."""
