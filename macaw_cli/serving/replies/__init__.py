"""Replies of the API, whole or as they come."""
