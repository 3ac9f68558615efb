"""A model as a checkpoint of a class of transformers: what its tokenizer, template and weights become."""
