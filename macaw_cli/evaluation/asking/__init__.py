"""The model is asked: likelihoods and generated answers, in batches."""
