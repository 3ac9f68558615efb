"""Requests of the API, read and checked."""
