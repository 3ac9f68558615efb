"""The one place that generates and scores; chat, evaluation and export use it."""
