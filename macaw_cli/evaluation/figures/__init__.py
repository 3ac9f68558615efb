"""What is made of answers: pure functions from scores to figures, intervals and verdicts."""
