"""Training of a bridge before there is an LLM."""
