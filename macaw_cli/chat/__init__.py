"""Conversations with a model about media, in the terminal."""
