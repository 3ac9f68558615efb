"""The one place that generates and scores; chat and evaluation use it."""
