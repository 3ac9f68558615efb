"""Demonstrations, reasoning and lists of answers around a question."""
