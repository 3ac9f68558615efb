"""A model's LLM, and its encoder with its bridge, as GGUF files for llama.cpp."""
