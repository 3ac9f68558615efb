"""Experts: models and methods that turn a medium into text, without any training."""
