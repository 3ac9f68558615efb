"""What a training reads: conversations as token ids, the plan of an epoch, sequences and their features."""
