"""What a training reads: conversations as token ids, the plan of an epoch, packs and their features."""
