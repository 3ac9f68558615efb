"""Errors, console, safe files and locks; imports nothing of the package."""
