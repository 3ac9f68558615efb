"""The proof of an export: what its loader makes of examples in a fresh process, and what the source makes of them."""
