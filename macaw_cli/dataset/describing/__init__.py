"""Media of a dataset described by experts: their files, their neighbours, their texts."""
