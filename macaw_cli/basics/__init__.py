"""Errors, console, owned folders, safe files and locks; imports nothing of the package."""
