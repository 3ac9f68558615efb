"""The kinds of llama.cpp's projectors to which an encoder with its bridge is brought, one file per kind."""
