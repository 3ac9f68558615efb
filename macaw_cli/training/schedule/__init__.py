"""What is trained when: stages, their steps, learning rates."""
