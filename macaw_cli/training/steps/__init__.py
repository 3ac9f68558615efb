"""The loop and the engine: optimizer steps on DeepSpeed, one after another."""
