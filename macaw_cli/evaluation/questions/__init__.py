"""What is asked: held-out questions, their conditions, and whose media are swapped."""
