"""The one place that decodes and scores: used by chat, evaluation and export."""
